/** What the forge says no with, in GitHub's words and shape. */

/** One entry of `errors` in GitHub's answer 422. */
export type FieldError = {
  readonly resource: string
  readonly code: 'missing' | 'missing_field' | 'invalid' | 'custom'
  readonly field?: string
  readonly message?: string
}

type Refusal = {
  readonly code: 'FORGE_REFUSAL'
  readonly status: number
  readonly errors?: readonly FieldError[]
}

/** An error that is answered with `status`; `message` is for the caller to read. */
export const refusal = (status: number, message: string, errors?: readonly FieldError[]): Error =>
  new Error(message, {
    cause: { code: 'FORGE_REFUSAL', status, ...(errors ? { errors } : {}) } satisfies Refusal,
  })

/** Also what exists but may not be seen: GitHub does not tell the difference. */
export const notFound = (): Error => refusal(404, 'Not Found')

export const invalid = (...errors: FieldError[]): Error => refusal(422, 'Validation Failed', errors)

/** The refusal that an error is; undefined for any other error. */
export const refusalOf = (error: unknown): (Refusal & { message: string }) | undefined => {
  if (!(error instanceof Error)) return undefined
  const cause = error.cause as Refusal | undefined
  return cause?.code === 'FORGE_REFUSAL' ? { ...cause, message: error.message } : undefined
}

/** The sentence for a person. */
export const sentenceOf = ({ message, errors }: Pick<Refusal, 'errors'> & { message: string }) =>
  errors?.map(one => one.message ?? `${one.field} is ${one.code}`).join('; ') || message
