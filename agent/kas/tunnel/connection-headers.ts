// RFC 9110, §7.6.1; the last two are older.
const OF_CONNECTION = new Set([
  ...['connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
  ...['proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'keep-alive', 'http2-settings'],
]);

/**
 * Which headers of a message are of its connection alone and go no further: those that always are, and those that its
 * own `Connection` names. Names are asked for in lower case.
 */
export function isOfConnection(
  headers: Iterable<readonly [name: string, value: string]>,
): (name: string) => boolean {
  const named = new Set<string>();
  for (const [name, value] of headers)
    if (/^connection$/i.test(name)) for (const one of value.split(',')) named.add(one.trim().toLowerCase());
  return (name) => OF_CONNECTION.has(name) || named.has(name);
}
