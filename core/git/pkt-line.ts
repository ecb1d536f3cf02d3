/** Git's framing: four hexadecimal digits of length, themselves included, then the payload (gitprotocol-common). */
export type Packet = { kind: 'data'; payload: Buffer } | { kind: 'flush' | 'delimiter' | 'response-end' };

export const FLUSH = '0000';
export const DELIMITER = '0001';

const SPECIAL = ['flush', 'delimiter', 'response-end'] as const;

/** Thrown for bytes that are no packets: whoever answered does not speak Git. */
export class FramingError extends Error {}

/** A line of text as a packet, with the line feed that the protocol likes. */
export function packet(text: string): string {
  const length = Buffer.byteLength(text) + 5;
  return `${length.toString(16).padStart(4, '0')}${text}\n`;
}

/** Cuts a whole answer into packets. Throws FramingError where it is cut short or is something else. */
export function readPackets(bytes: Buffer): Packet[] {
  const packets: Packet[] = [];
  for (let at = 0; at < bytes.length; ) {
    const digits = bytes.toString('latin1', at, at + 4);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw new FramingError('no packet length');
    const length = Number.parseInt(digits, 16);
    if (length < 4) {
      const kind = SPECIAL[length];
      if (!kind) throw new FramingError(`a packet of length ${length}`);
      packets.push({ kind });
      at += 4;
      continue;
    }
    if (at + length > bytes.length) throw new FramingError('cut short');
    packets.push({ kind: 'data', payload: bytes.subarray(at + 4, at + length) });
    at += length;
  }
  return packets;
}

/** The text of a packet without its line feed. */
export function packetText(payload: Buffer): string {
  return payload.toString('utf8').replace(/\n$/, '');
}
