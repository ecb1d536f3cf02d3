/**
 * The texts of `Warning: 299 - "text"` headers, by which an API server speaks of deprecated versions and the like
 * (RFC 7234; several stand in one header or in several).
 */
export function warningTexts(header: string | string[] | undefined): string[] {
  const text = Array.isArray(header) ? header.join(', ') : header;
  if (!text) return [];
  return [...text.matchAll(/\b299 \S+ "((?:[^"\\]|\\.)*)"/g)].map((match) =>
    match[1]!.replace(/\\(.)/g, '$1'),
  );
}
