import { isAscii, isUtf8 } from 'node:buffer';
import type { Fault } from './fault.ts';

export interface DecodedText {
  text: string;
  /** Set where the bytes are not UTF-8; `text` then ends at that place. */
  fault?: Fault;
}

/**
 * Bytes of a manifest as text, without its byte order mark. Manifests are UTF-8. (kubectl's parser would take
 * UTF-16 too, but its splitter cuts by bytes: what works there depends on luck, so it is refused.)
 */
export function decodeText(bytes: Buffer): DecodedText {
  if (isAscii(bytes)) return { text: bytes.toString('latin1') };
  if (isUtf8(bytes)) return { text: withoutMark(bytes.toString('utf8')) };
  const fault = (offset: number, message: string, hint: string): Fault => ({
    code: 'NotUtf8',
    offset,
    message,
    hint,
  });
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    return { text: '', fault: fault(0, 'the file is encoded in UTF-16', 'save it as UTF-8') };
  }
  const text = withoutMark(bytes.toString('utf8', 0, firstBadByte(bytes)));
  return {
    text,
    fault: fault(
      text.length,
      'from here on this is not UTF-8 text',
      'is it a binary file? Manifests are UTF-8',
    ),
  };
}

function withoutMark(text: string): string {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

function firstBadByte(bytes: Buffer): number {
  // Node puts U+FFFD in the place of what it can't decode; one that stands in the file itself is EF BF BD there.
  const text = bytes.toString('utf8');
  let from = 0;
  let byte = 0;
  for (;;) {
    const at = text.indexOf('\ufffd', from);
    if (at < 0) return bytes.length;
    byte += Buffer.byteLength(text.slice(from, at));
    if (bytes[byte] !== 0xef || bytes[byte + 1] !== 0xbf || bytes[byte + 2] !== 0xbd) return byte;
    byte += 3;
    from = at + 1;
  }
}

// What goyaml's reader takes (`yaml_parser_update_buffer`): the rest is "control characters are not allowed". NEL,
// LS and PS are line breaks in YAML 1.1 and plain text in 1.2: refused rather than read otherwise than by kubectl.
const FORBIDDEN = /[^\t\n\r -~\xa0-\u2027\u202a-\ufffd]/;

/** The first character of a YAML text that kubectl refuses or that its YAML 1.1 takes for a line break. */
export function forbiddenCharacter(text: string): Fault | undefined {
  const offset = text.search(FORBIDDEN);
  if (offset < 0) return misplacedMark(text);
  const code = text.charCodeAt(offset);
  const name = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
  if (code === 0) {
    return {
      code: 'ControlCharacter',
      offset,
      message: 'a NUL byte',
      hint: 'is it a binary file? Manifests are text',
    };
  }
  if (code === 0x85 || code === 0x2028 || code === 0x2029) {
    const message = `the character ${name} is a line break to kubectl and none to other YAML readers`;
    return {
      code: 'ControlCharacter',
      offset,
      message,
      hint: `write it as "\\u${name.slice(2)}" in double quotes`,
    };
  }
  const message = `the control character ${name} is not allowed in YAML`;
  return {
    code: 'ControlCharacter',
    offset,
    message,
    hint: 'in double quotes it can be written as an escape',
  };
}

/** A byte order mark inside a file (two files put together) would become a part of the next key. */
function misplacedMark(text: string): Fault | undefined {
  if (!text.includes('\ufeff')) return undefined;
  const offset = text.search(/^\ufeff/m);
  if (offset < 0) return undefined;
  return {
    code: 'ControlCharacter',
    offset,
    message: 'a byte order mark inside the file',
    hint: 'remove it; it is invisible in most editors',
  };
}
