import type { RemoteRef } from '../model/source.ts';
import { DELIMITER, FLUSH, FramingError, type Packet, packet, packetText, readPackets } from './pkt-line.ts';

/** What a server said that it can do (gitprotocol-v2, "Capability Advertisement"). */
export interface Capabilities {
  objectFormat: 'sha1' | 'sha256';
  /** Whether ls-refs tells of a HEAD whose branch has no commit yet. */
  unborn: boolean;
}

/** The server answers in Git's framing, but with words of its own instead of what was asked for. */
export class RemoteRefusal extends Error {}

/** A server that speaks Git, but not version 2 of its protocol. */
export class OldProtocol extends Error {}

/** Reads the answer to `GET info/refs`. Throws FramingError, RemoteRefusal or OldProtocol. */
export function readCapabilities(bytes: Buffer): Capabilities {
  const lines = dataLines(readPackets(bytes)).filter((line) => !line.startsWith('# service='));
  if (lines[0] !== 'version 2') throw new OldProtocol();
  const value = (name: string): string | undefined =>
    lines.find((line) => line === name || line.startsWith(`${name}=`))?.slice(name.length + 1);
  const lsRefs = value('ls-refs');
  if (lsRefs === undefined || value('fetch') === undefined) throw new OldProtocol();
  const format = value('object-format') || 'sha1';
  if (format !== 'sha1' && format !== 'sha256') throw new OldProtocol();
  return { objectFormat: format, unborn: lsRefs.split(' ').includes('unborn') };
}

/** The body of a request for some refs by their full names. `prefixes` hold no control characters. */
export function lsRefsRequest(
  prefixes: readonly string[],
  { objectFormat, unborn }: Capabilities,
  agent: string,
): string {
  return [
    packet('command=ls-refs'),
    packet(`agent=${agent}`),
    packet(`object-format=${objectFormat}`),
    DELIMITER,
    packet('peel'),
    packet('symrefs'),
    unborn ? packet('unborn') : '',
    ...prefixes.map((prefix) => packet(`ref-prefix ${prefix}`)),
    FLUSH,
  ].join('');
}

const REF = /^([0-9a-f]{40}|[0-9a-f]{64}|unborn) ([^ ]+)((?: [^ ]+)*)$/;

/** Reads the answer; only the `names` count, a prefix matches more. Throws FramingError or RemoteRefusal. */
export function readRefs(bytes: Buffer, names: readonly string[]): Map<string, RemoteRef> {
  const refs = new Map<string, RemoteRef>();
  const wanted = new Set(names);
  const packets = readPackets(bytes);
  if (packets.at(-1)?.kind !== 'flush') throw new FramingError('cut short');
  for (const line of dataLines(packets)) {
    const match = REF.exec(line);
    if (!match) throw new FramingError('no line of ls-refs');
    const [, oid, name, attributes] = match as unknown as [string, string, string, string];
    if (!wanted.has(name)) continue;
    const attribute = (key: string): string | undefined =>
      attributes
        .split(' ')
        .find((text) => text.startsWith(`${key}:`))
        ?.slice(key.length + 1);
    const peeled = attribute('peeled');
    const target = attribute('symref-target');
    refs.set(name, {
      ...(oid === 'unborn' ? {} : { oid }),
      ...(peeled && /^[0-9a-f]{40,64}$/.test(peeled) ? { peeled } : {}),
      ...(target ? { target } : {}),
    });
  }
  return refs;
}

function dataLines(packets: readonly Packet[]): string[] {
  const lines: string[] = [];
  for (const item of packets) {
    if (item.kind !== 'data') continue;
    const text = packetText(item.payload);
    if (text.startsWith('ERR ')) throw new RemoteRefusal(text.slice(4));
    lines.push(text);
  }
  return lines;
}
