import type { Problem } from '../../core/model/problem.ts';

/** What is to be changed, and how to write it. */
export interface Pointing {
  project: string;
  gitlabUrl: string;
  file: string;
  /** Of the commit. */
  message: string;
  /** The file with the other ref. */
  edit: (text: string) => { text: string } | { problems: Problem[] };
  /** What to do where nothing here may. */
  byHand: string;
}

/** A commit that was made, and where; no commit where the file says so already. */
export interface Made {
  branch: string;
  commit?: string;
}
