/** First prompts that the demo agent understands, for people who have not typed one yet. */
export const SUGGESTIONS: readonly string[] = [
  '$ git log --stat',
  '$ ls -la',
  'write notes.md: The first note\ncommit Add a first note\n$ git log --oneline',
  'What can you do?',
]
