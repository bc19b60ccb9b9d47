/** `GET /health`: this process answers. Open to everybody, and says nothing else. */
import { z } from 'zod'
import type { App } from './zod-validation.ts'

const healthy = z.object({
  status: z.literal('healthy'),
  service: z.literal('open-inspect-control-plane'),
})

export const health = (app: App): void => {
  const schema = { summary: 'This process answers', security: [], response: { 200: healthy } }
  app.get('/health', { schema }, async () => ({
    status: 'healthy' as const,
    service: 'open-inspect-control-plane' as const,
  }))
}
