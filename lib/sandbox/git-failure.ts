/** Whether what git says (in English, `LC_ALL=C`) is of a host that is not there, is unwell, or has had enough of us. */
export const isPassing = (said: string): boolean =>
  /unable to access 'http|RPC failed|hung up unexpectedly|early EOF/.test(said) &&
  !/returned error: 4(?!08|29)|certificate (problem|verification)/i.test(said)
