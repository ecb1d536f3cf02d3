import type { ApiFailure } from '../model/cluster.ts';
import type { Json } from '../model/json.ts';
import { failureOf } from './failure.ts';
import type { WireReply } from './wire.ts';

export interface ApiRequest {
  method: 'GET' | 'PATCH' | 'PUT' | 'POST' | 'DELETE';
  /** From the server's root, encoded, with its query. */
  path: string;
  headers?: Readonly<Record<string, string>>;
  /** JSON text. */
  body?: string;
  contentType?: string;
  /** Whether doing it twice is as good as doing it once. */
  repeatable: boolean;
  /** Whether a 409 only says that somebody wrote the object meanwhile, and asking again is all there is to do. */
  mayCollide?: boolean;
  /** Answers beside 2xx that count as success, such as 304. */
  accept?: readonly number[];
  /** Whether its latency says nothing of the server's load: long lists, discovery. */
  heavy?: boolean;
  /** Whether a success is text: its body comes as a JSON string. */
  text?: boolean;
  /** Whether its answer may begin however late: that of a log begins with its next line. */
  patient?: boolean;
}

/** `body` is null where an answer had none. A failure keeps the parsed body, for what `ApiFailure` leaves out. */
export type Sent =
  | { ok: true; status: number; headers: WireReply['headers']; body: Json }
  | { ok: false; failure: ApiFailure; body?: Json };

/** An answer that is read while it comes; `end` gives its connection back. */
export type Opened =
  | { ok: true; chunks: AsyncIterable<Buffer>; end(): void }
  | { ok: false; failure: ApiFailure };

/** What a request makes of its answer. */
export function judge(reply: WireReply, { accept = [], text = false }: ApiRequest): Sent {
  const { status, headers, body } = reply;
  const good = (status >= 200 && status < 300) || accept.includes(status);
  const json = 'json' in body ? body.json : good && text ? body.text : body.text === '' ? null : undefined;
  if (good && json !== undefined) return { ok: true, status, headers, body: json };
  return { ok: false, failure: failureOf(reply), ...(json === undefined ? {} : { body: json }) };
}
