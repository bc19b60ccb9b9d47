import t from 'tap'
import { githubFailure, openRequest } from '../../lib/github/request.ts'
import { codeOf, fail } from '../../subjects/errors.ts'
import { standIn } from './stand-in.ts'

t.test('whose failure it is', async t => {
  const github = await standIn(t)
  github.on('GET /user', (_request, reply) => reply.code(500).send({}))
  const request = openRequest(github.url)
  const codeAfter = (failing: Promise<unknown>) =>
    failing.then(
      () => 'none',
      (error: unknown) => codeOf(githubFailure(error)),
    )
  t.equal(await codeAfter(request('GET /user')), 'GITHUB_UNAVAILABLE')
  t.equal(await codeAfter(request('GET /emojis')), 'GITHUB_REFUSED')
  t.equal(await codeAfter(Promise.reject(fail('NO_OWNER'))), 'NO_OWNER')
  t.equal(
    await codeAfter(Promise.reject(new Error('timeout'))),
    'BUS_UNAVAILABLE',
    'a silent bucket is not GitHub’s refusal, which would be final',
  )
})
