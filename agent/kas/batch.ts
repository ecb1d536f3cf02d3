import { OBJECT_ID } from '../../core/git/wanted-commit.ts';
import type { ObjectsToSynchronizeResponse } from '../../core/grpc/generated/gitops_pb.ts';
import { ENTRY_LIMITS } from '../../core/manifest/entry-inputs.ts';
import { ProtocolError } from './kas-failure.ts';

/** A file with its bytes, a link with where it leads (`''`: nowhere), or a directory. */
export type BatchNode = { data: Buffer } | { link: string } | { directory: true };

/** What a server sent of one commit. Paths count from the root, have no `..`, and none is below a file. */
export interface Batch {
  commit: string;
  ref?: string;
  nodes: ReadonlyMap<string, BatchNode>;
}

/**
 * Receives one batch: header, objects, trailer, end. Undefined where the stream ends at once: there was nothing new.
 * Rejects with ProtocolError for anything else; a stream that is cut is no batch.
 */
export async function receiveBatch(
  messages: AsyncIterable<ObjectsToSynchronizeResponse>,
): Promise<Batch | undefined> {
  let receiver: Receiver | undefined;
  let isComplete = false;
  for await (const { message } of messages) {
    if (isComplete) throw new ProtocolError('something comes after the trailer');
    if (message.case === 'header') {
      if (receiver) throw new ProtocolError('a second header');
      receiver = new Receiver(message.value.commitId, message.value.ref);
    } else if (!receiver) throw new ProtocolError('no header comes first');
    else if (message.case === 'object') receiver.add(message.value);
    else if (message.case === 'trailer') isComplete = true;
    else throw new ProtocolError('a message without anything in it');
  }
  if (receiver && !isComplete) throw new ProtocolError('the stream ends before the trailer', 'Unavailable');
  return receiver?.batch();
}

class Receiver {
  readonly #commit: string;
  readonly #ref: string;
  readonly #nodes = new Map<string, BatchNode>();
  readonly #directories = new Set<string>();
  #open: { source: string; chunks: Uint8Array[] } | undefined;
  #bytes = 0;

  constructor(commit: string, ref: string) {
    if (!OBJECT_ID.test(commit)) throw new ProtocolError('the commit is no whole commit id');
    this.#commit = commit;
    this.#ref = /^refs\/(heads|tags)\/[^\x00-\x20\x7f]{1,255}$/.test(ref) ? ref : '';
  }

  add({
    source,
    data,
    link,
    directory,
  }: {
    source: string;
    data: Uint8Array;
    link?: string;
    directory: boolean;
  }): void {
    checkPath(source);
    this.#bytes += data.length + source.length + (link?.length ?? 0);
    if (this.#bytes > ENTRY_LIMITS.totalBytes) throw new ProtocolError('more bytes than an entry may have');
    const isPlain = link === undefined && !directory;
    if (isPlain && this.#open?.source === source) {
      this.#open.chunks.push(data);
      return;
    }
    this.#finish();
    if (isPlain) this.#open = { source, chunks: [data] };
    else if (link === undefined) this.#set(source, { directory: true });
    else {
      if (link !== '') checkPath(link);
      this.#set(source, { link });
    }
  }

  batch(): Batch {
    this.#finish();
    for (const [path, node] of this.#nodes)
      if (this.#directories.has(path) && !('directory' in node))
        throw new ProtocolError('something is below what is no directory');
    return { commit: this.#commit, ...(this.#ref !== '' && { ref: this.#ref }), nodes: this.#nodes };
  }

  #finish(): void {
    if (this.#open) this.#set(this.#open.source, { data: Buffer.concat(this.#open.chunks) });
    this.#open = undefined;
  }

  #set(path: string, node: BatchNode): void {
    if (this.#nodes.has(path)) throw new ProtocolError(`${JSON.stringify(path.slice(0, 200))} comes twice`);
    if (this.#nodes.size >= MOST_NODES) throw new ProtocolError('more files than an entry may have');
    this.#nodes.set(path, node);
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      const above = path.slice(0, at);
      if (this.#directories.has(above)) break;
      this.#directories.add(above);
    }
  }
}

/** Directories and links beside the files that an entry may have. */
const MOST_NODES = 2 * ENTRY_LIMITS.files;
const MOST_PATH = 4096;

/** No path leads out of where files are put, or into what git or a shell would take for its own. */
function checkPath(path: string): void {
  const parts = path.split('/');
  const isBad =
    path.length > MOST_PATH ||
    /[\0\\]/.test(path) ||
    parts.some((part) => part === '' || part === '.' || part === '..' || part.toLowerCase() === '.git');
  if (isBad)
    throw new ProtocolError(`the path ${JSON.stringify(path.slice(0, 200))} can't be in a repository`);
}
