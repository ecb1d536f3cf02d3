/**
 * Something wrong at a place in a text. `offset` counts UTF-16 units from the start of the text. It becomes a
 * `Problem` (with line, column and picture) in `describe.ts` only: lines are not counted where nothing is wrong.
 */
export interface Fault {
  code: string;
  /** Never quotes a value: it may be a Secret's. */
  message: string;
  offset: number;
  hint?: string;
  /** Where the other of two places is: `message` is followed by its line and column. */
  other?: number;
}

/** Stops reading one document. */
export class FaultError extends Error {
  readonly fault: Fault;

  constructor(code: string, message: string, offset: number, hint?: string) {
    super(message);
    this.name = 'FaultError';
    this.fault = { code, message, offset, ...(hint === undefined ? {} : { hint }) };
  }
}

/** Levels of nesting that a document may have; aliases count as what they stand for. */
export const MAX_DEPTH = 500;

/** Something wrong with a field of an object; `field` is the way to it, empty for the object itself. */
export interface FieldFault {
  code: string;
  /** Never quotes a value. */
  message: string;
  field: string[];
  hint?: string;
}
