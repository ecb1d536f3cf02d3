import { create } from '@bufbuild/protobuf';
import { type Values, ValuesSchema } from './generated/values_pb.ts';

/** Names with their values, as messages of the protocol have them. */
export type ValuesMap = Record<string, Values>;

/** From pairs, of which several may have the same name. */
export function valuesOf(pairs: Iterable<readonly [name: string, value: string]>): ValuesMap {
  const values: ValuesMap = Object.create(null);
  for (const [name, value] of pairs) {
    values[name] ??= create(ValuesSchema);
    values[name].value.push(value);
  }
  return values;
}

export function* pairsOf(values: ValuesMap): Generator<[name: string, value: string]> {
  for (const [name, { value }] of Object.entries(values)) for (const one of value) yield [name, one];
}
