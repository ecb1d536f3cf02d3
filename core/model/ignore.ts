import type { PathStep } from './path.ts';

/** Fields left to others, from `--ignore-file` or the configuration. Absent selectors match everything; `*` globs. */
export interface IgnoreRule {
  group?: string;
  kind?: string;
  namespace?: string;
  name?: string;
  /** Places in an object; a map key met at a list stands for every item of it. */
  paths: PathStep[][];
  /** Field managers whose fields are left to them. */
  managers: string[];
}
