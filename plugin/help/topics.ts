/** What `help` tells beside commands: pages of docs/, each with what it is about. */
export const TOPICS = {
  concepts: 'the words, the way of a commit, what is where',
  configuration: 'every field of config.yaml',
  troubleshooting: 'what to look at and what to do, by symptom',
} as const;

export type Topic = keyof typeof TOPICS;
