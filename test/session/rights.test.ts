/** Who may do what with a session. */
import t from 'tap'
import { given } from './scene.ts'
import { archive, cancelSession, create, invite, prompt, remove, unarchive } from './tales.ts'

/** Ada opened it, Bob takes part, Eve does not. */
const shared = [create(), prompt('a', { authorId: 'bob' })]
const person = { authority: 'person' } as const
const FORBIDDEN = { ok: false, code: 'FORBIDDEN' }

t.test('a person ends only what is their own', async t => {
  for (const userId of ['bob', 'eve']) {
    const { scene } = given(...shared)
    for (const [verb, command] of [
      ['delete', remove({ userId, ...person })],
      ['cancel', cancelSession({ userId, ...person })],
      ['archive', archive(userId, person)],
    ] as const) {
      const { reply, events } = scene.tell(command)
      const message = `Only the session's owner or the developer may ${verb} it`
      t.match(reply, { ...FORBIDDEN, message })
      t.same(events, [])
    }
  }
  t.match(given(...shared).when(remove({ userId: 'ada', ...person })).reply, { ok: true })
  t.match(given(...shared).when(cancelSession({ userId: 'ada', ...person })).reply, { ok: true })
  t.match(given(create()).when(archive('ada', person)).reply, { ok: true })
  const bringsBack = (userId: string) =>
    given(create(), invite('bob'), archive()).when(unarchive(userId, person)).reply
  t.match(bringsBack('bob'), { ok: true }, 'whoever takes part may bring it back')
  t.match(bringsBack('eve'), { code: 'NOT_A_PARTICIPANT' })
})

t.test('the developer may, taking part or not', async t => {
  const developer = { userId: 'eve', authority: 'developer' } as const
  t.match(given(...shared).when(remove(developer)).reply, { ok: true })
  t.match(given(...shared).when(cancelSession(developer)).reply, { ok: true })
  const { scene } = given(create())
  t.match(scene.tell(archive('eve', developer)).reply, { ok: true })
  t.match(scene.tell(unarchive('eve', developer)).reply, { ok: true })
})

t.test('a service may for whoever takes part', async t => {
  const { scene } = given(create(), prompt('a', { authorId: 'bob' }))
  t.match(scene.tell(cancelSession({ userId: 'eve' })).reply, { code: 'NOT_A_PARTICIPANT' })
  t.match(scene.tell(cancelSession({ userId: 'bob' })).reply, { ok: true })
  t.match(given(create()).when(archive('eve')).reply, {
    code: 'NOT_A_PARTICIPANT',
    message: 'Not authorized to archive this session',
  })
  t.match(given(create()).when(remove({ userId: null })).reply, { ok: true }, 'or for itself')
})

t.test('a guest adds nobody', async t => {
  t.match(given(create()).when(invite('bob', person)).reply, FORBIDDEN)
  t.match(given(create()).when(invite('bob', { authority: 'developer' })).reply, { ok: true })
  t.match(given(create()).when(invite('bob')).reply, { ok: true })
})
