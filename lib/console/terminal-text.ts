/** Output of commands as a terminal would show it in the end, in plain text. */

/** Orders to the terminal: colours, the cursor, titles, links. */
const ORDERS =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what they are made of
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\))/g
/** What was overwritten in its line: the earlier states of a progress bar. */
const OVERWRITTEN = /^.*\r(?!\n|$)/gm

export const terminalText = (output: string): string =>
  output.replace(ORDERS, '').replace(OVERWRITTEN, '')
