import t from 'tap'
import { serviceSignature } from '../../../lib/auth/service-signature.ts'
import { startSystem } from '../../fixtures/system.ts'

t.test('what REST says of a session and its queue', { timeout: 240_000 }, async t => {
  const system = await startSystem(t, { apis: 2 })
  const { call } = system
  const alice = { userId: 'alice' }

  await t.test('the queue', async t => {
    const sid = await system.createSession()
    const path = `/sessions/${sid}/queue`
    const ids: string[] = []
    for (const content of ['a', 'b', 'c']) {
      const { body } = await call('POST', `/sessions/${sid}/prompt`, { content, authorId: 'alice' })
      ids.push(body.messageId)
    }
    const shown = async (api = 0) => (await call('GET', path, undefined, { api })).body
    const contents = async () =>
      (await shown()).promptQueue.map(({ content }: { content: string }) => content)
    const { version } = await shown()
    t.match(await shown(), { held: false, promptQueue: [{ content: 'a', status: 'pending' }] })

    const edits = await Promise.all(
      [0, 1].map(api =>
        call('PATCH', `${path}/${ids[0]}`, { ...alice, version, content: `a${api}` }, { api }),
      ),
    )
    const [won, lost] = edits.toSorted((x, y) => x.status - y.status)
    t.match(won, { status: 200, body: { status: 'edited' } })
    t.match(lost, { status: 409, body: { code: 'QUEUE_VERSION_CONFLICT', error: String } })
    t.equal(lost?.body.version, won?.body.version, 'the loser learns the present version')
    t.strictSame(await shown(0), await shown(1))

    const now = won?.body.version
    const moved = await call('PATCH', `${path}/${ids[0]}`, { ...alice, version: now, before: null })
    t.match(moved, { status: 200, body: { status: 'moved' } })
    t.match(await contents(), ['b', 'c', /^a/])
    const both = { ...alice, version: now, before: null, content: 'x' }
    t.match(await call('PATCH', `${path}/${ids[0]}`, both), { status: 400 })
    const neither = { ...alice, version: now }
    t.match(await call('PATCH', `${path}/${ids[0]}`, neither), {
      status: 400,
      body: { error: 'Exactly one of content and before is required' },
    })
    t.match(await call('PATCH', `${path}/${ids[0]}`, { ...alice, content: 'x' }), {
      status: 400,
      body: { error: 'version is required' },
    })
    const strange = { ...alice, version: now, content: 'x', colour: 'red' }
    t.match(await call('PATCH', `${path}/${ids[0]}`, strange), { status: 400 })

    t.match(await call('DELETE', `${path}/${ids[1]}`, alice), {
      status: 200,
      body: { status: 'cancelled' },
    })
    t.match(await contents(), ['c', /^a/])
    t.match(await call('DELETE', `${path}/${ids[1]}`), { status: 409 })

    t.match(await call('POST', `${path}/hold`, alice), { status: 200, body: { status: 'held' } })
    t.equal((await shown()).held, true)
    t.match(await call('POST', `${path}/release`, alice), { body: { status: 'released' } })
    t.equal((await shown()).held, false)
  })

  await t.test('title, participants, archive', async t => {
    const sid = await system.createSession()
    const path = `/sessions/${sid}`
    t.match(await call('PATCH', `${path}/title`, { ...alice, title: '  New name ' }), {
      status: 200,
      body: { title: 'New name' },
    })
    t.equal((await call('GET', path)).body.title, 'New name')
    t.match(await call('PATCH', `${path}/title`, { title: ' ' }), {
      status: 400,
      body: { error: 'title is required' },
    })
    t.match(await call('PATCH', `${path}/title`, { title: 'x'.repeat(201) }), { status: 400 })

    const bob = { userId: 'bob', githubName: 'Bob' }
    const added = await call('POST', `${path}/participants`, bob)
    t.match(added, { status: 200, body: { status: 'added', id: /^[0-9a-f]{32}$/ } })
    const again = await call('POST', `${path}/participants`, { ...bob, role: 'owner' })
    t.equal(again.body.id, added.body.id, 'the same user is the same participant')
    t.match((await call('GET', `${path}/participants`)).body.participants, [
      { userId: 'alice', role: 'owner' },
      { userId: 'bob', role: 'owner' },
    ])
    t.match(await call('POST', `${path}/participants`, { ...bob, role: 'king' }), { status: 400 })

    t.match(await call('POST', `${path}/warm`), { status: 200, body: { status: 'warming' } })
    t.match(await call('POST', `${path}/archive`), { status: 400 })
    t.match(await call('POST', `${path}/archive`, { userId: 'eve' }), {
      status: 403,
      body: { error: 'Not authorized to archive this session' },
    })
    t.match(await call('POST', `${path}/unarchive`, alice), { status: 409 })
    t.match(await call('POST', `${path}/archive`, alice), {
      status: 200,
      body: { status: 'archived' },
    })
    t.match(await call('POST', `${path}/prompt`, { content: 'x', authorId: 'alice' }), {
      status: 409,
      body: { code: 'SESSION_NOT_PROMPTABLE' },
    })
    t.match(await call('POST', `${path}/unarchive`, alice), {
      status: 200,
      body: { status: 'active' },
    })
    await call('POST', `${path}/prompt`, { content: 'x', authorId: 'alice' })
    t.match(await call('POST', `${path}/archive`, alice), {
      status: 409,
      body: { error: 'Cannot archive a session with queued work' },
    })
  })

  await t.test('a deleted session is unknown everywhere', async t => {
    const sid = await system.createSession({ title: 'to be deleted' })
    const path = `/sessions/${sid}`
    t.match(await call('DELETE', path), {
      status: 200,
      body: { status: 'deleted', sessionId: sid },
    })
    const listed = (await call('GET', '/sessions')).body.sessions
    t.notOk(listed.some(({ id }: { id: string }) => id === sid))
    for (const id of [sid, '0'.repeat(32), 'never']) {
      const answers = await Promise.all(
        ROUTES.map(async ([method, rest, body]) => {
          const answer = await call(method, `/sessions/${id}${rest}`, body)
          return `${method} ${rest} ${answer.status} ${answer.body.code}`
        }),
      )
      t.strictSame(
        answers,
        ROUTES.map(([method, rest]) => `${method} ${rest} 404 SESSION_NOT_FOUND`),
      )
    }
  })

  await t.test('a signed request acts for whom it is signed, whatever its body says', async t => {
    const sid = await system.createSession()
    const signed = (path: string, body: object | undefined, actor: string | null, extra = '') => {
      const timestamp = String(Date.now())
      const claim = { service: 'slack-bot', timestamp, nonce: 'ab', actor } as const
      const method = body ? 'POST' : 'GET'
      const bytes = Buffer.from(body ? JSON.stringify(body) : '')
      const signature = serviceSignature(system.secret, claim, { method, url: path, body: bytes })
      return call(method, path + extra, body, {
        headers: {
          authorization: '',
          'x-openinspect-service': 'slack-bot',
          'x-openinspect-service-signature': `sig1.${timestamp}.ab.${signature}`,
          ...(actor === null ? {} : { 'x-openinspect-actor': actor }),
        },
      })
    }
    const prompt = { content: 'from slack', authorId: 'mallory', source: 'slack' }
    t.match(await signed(`/sessions/${sid}/prompt`, prompt, 'slack:U1'), { status: 200 })
    t.match(await signed(`/sessions/${sid}/participants`, undefined, null), {
      status: 200,
      body: { participants: [{ userId: 'alice' }, { userId: 'slack:U1' }] },
    })
    t.match(await signed(`/sessions/${sid}`, undefined, null, '?x=1'), { status: 401 })
    t.match(await signed(`/sessions/${sid}/prompt`, prompt, 'github:1'), { status: 401 })
  })

  await t.test('the document describes every route', async t => {
    const { status, body } = await call('GET', '/openapi.json', undefined, {
      headers: { authorization: '' },
    })
    t.equal(status, 200)
    t.equal(body.openapi, '3.1.0')
    for (const [method, rest] of ROUTES) {
      const path = `/sessions/{id}${rest.replace(/\/m$/, '/{messageId}')}`
      t.ok(body.paths[path]?.[method.toLowerCase()]?.summary, `${method} ${path}`)
    }
    const patch = body.paths['/sessions/{id}/queue/{messageId}'].patch
    t.match(patch.requestBody.content['application/json'].schema, {
      properties: { version: { type: 'integer' }, content: { type: 'string' } },
    })
    t.match(patch.parameters, [{ name: 'id', in: 'path' }, { name: 'messageId' }])
    t.match(patch.responses, {
      200: Object,
      400: { description: /INVALID_PROMPT/ },
      404: { description: /SESSION_NOT_FOUND.*PROMPT_NOT_FOUND/ },
      409: { description: /PROMPT_NOT_EDITABLE.*QUEUE_VERSION_CONFLICT/ },
    })
    const refused = (path: string) => body.paths[`/sessions/{id}/${path}`].post.responses
    t.match(
      refused('warm'),
      { 400: { description: /INVALID_JSON/ } },
      'takes no body, and reads it',
    )
    t.match(refused('pr'), { 500: { description: /GITHUB_REFUSED/ } })
    for (const [path, operations] of Object.entries<never>(body.paths)) {
      for (const [method, { responses, summary }] of Object.entries<{
        summary?: string
        responses: Record<string, { content?: unknown }>
      }>(operations)) {
        const answer = responses[200] ?? responses[201]
        t.ok(summary && answer?.content, `${method} ${path} says what it answers`)
      }
    }
  })
})

/** Every route of a session, with a body that it takes. */
const ROUTES: readonly (readonly [method: string, rest: string, body?: object])[] = [
  ['GET', ''],
  ['DELETE', ''],
  ['GET', '/events'],
  ['GET', '/messages'],
  ['GET', '/artifacts'],
  ['GET', '/participants'],
  ['POST', '/participants', { userId: 'bob' }],
  ['POST', '/prompt', { content: 'x' }],
  ['POST', '/stop'],
  ['POST', '/warm'],
  ['POST', '/ws-token', { userId: 'alice' }],
  ['POST', '/archive', { userId: 'alice' }],
  ['POST', '/unarchive', { userId: 'alice' }],
  ['POST', '/cancel', { userId: 'alice' }],
  ['PATCH', '/read-state', { userId: 'alice' }],
  ['PATCH', '/title', { title: 'x' }],
  ['GET', '/queue'],
  ['PATCH', '/queue/m', { version: 1, content: 'x' }],
  ['DELETE', '/queue/m'],
  ['POST', '/queue/hold'],
  ['POST', '/queue/release'],
  ['POST', '/sandbox-error', { error: 'x', fatal: true }],
  ['GET', '/commit-signing'],
]
