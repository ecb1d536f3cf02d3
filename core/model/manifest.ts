import type { KubeObject, ObjectId } from './object.ts';

/** Where an object begins: `file` as the user named it (or `-`), `line` and `column` from 1. */
export interface Source {
  file: string;
  line: number;
  column: number;
}

/**
 * One wanted object, read and normalised: no status, no server-set metadata, a Secret's stringData folded into
 * data. `namespace` in `id` is what the manifest says; the plan fills in the default once it knows the scope.
 */
export interface Manifest {
  id: ObjectId;
  object: KubeObject;
  source: Source;
}
