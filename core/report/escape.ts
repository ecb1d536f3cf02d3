// Characters that drive a terminal (C0, C1, DEL), reorder or hide text (bidi controls, zero-width, soft hyphen,
// tags, odd spaces), or are no characters at all (lone surrogates). Line feed and tab are left to the caller.
const UNSAFE_SOURCE =
  '[\\x00-\\x08\\x0b-\\x1f\\x7f-\\xa0\\xad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180e\\u2000-\\u200f' +
  '\\u2028-\\u202f\\u205f-\\u206f\\u3000\\u3164\\ufeff\\uffa0\\ufff0-\\uffff]|\\udb40[\\udc00-\\udfff]' +
  '|[\\ud800-\\udbff](?![\\udc00-\\udfff])|(?<![\\ud800-\\udbff])[\\udc00-\\udfff]';
const UNSAFE = new RegExp(UNSAFE_SOURCE);
const EVERY_UNSAFE = new RegExp(UNSAFE_SOURCE, 'g');

/** Whether text may be printed as it is: nothing in it drives a terminal, hides or changes the reading order. */
export function isSafe(text: string): boolean {
  return !UNSAFE.test(text);
}

/** Unsafe characters as `\r`, `\x1b`, `\u202e`, `\U000e0041`: the escapes of a double-quoted YAML string. */
export function escapeUnsafe(text: string): string {
  if (isSafe(text)) return text;
  return text.replace(EVERY_UNSAFE, (found) => {
    if (found === '\r') return '\\r';
    const code = found.codePointAt(0)!;
    if (code < 0x100) return `\\x${hex(code, 2)}`;
    return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
  });
}

/** JSON text with unsafe characters written as `\uXXXX`. They can only stand inside strings, so the value stays. */
export function escapeJsonText(json: string): string {
  if (isSafe(json)) return json;
  const unit = (char: string): string => `\\u${hex(char.charCodeAt(0), 4)}`;
  // `stringify` with an indent writes line feeds of its own; they are not unsafe and are left alone.
  return json.replace(EVERY_UNSAFE, (found) => found.split('').map(unit).join(''));
}

/** Names, paths and messages from elsewhere, on one line: white space runs become one space, the rest is escaped. */
export function oneLine(text: string): string {
  return escapeUnsafe(text.replace(/[ \t\r\n]+/g, ' ').trim());
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}
