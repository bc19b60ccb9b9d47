/** `GET /health`: this process answers. Open to everybody, and says nothing else. */
import type { App } from './zod-validation.ts'

export const health = (app: App): void => {
  app.get('/health', { schema: { summary: 'This process answers', security: [] } }, async () => ({
    status: 'healthy',
    service: 'open-inspect-control-plane',
  }))
}
