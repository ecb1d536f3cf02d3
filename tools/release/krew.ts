import { parseDocument } from 'yaml';

export interface KrewFacts {
  version: string;
  homepage: string;
  /** Where the archives are, without a slash at its end. */
  downloads: string;
  /** Of each archive, by its file name: lowercase hex. */
  checksums: ReadonlyMap<string, string>;
}

/** Fills krew-manifest.yaml in. Throws an Error where an archive is missing, or the template asks for more. */
export function krewManifest(
  template: string,
  { version, homepage, downloads, checksums }: KrewFacts,
): string {
  const facts: Record<string, string> = { VERSION: version, HOMEPAGE: homepage, DOWNLOADS: downloads };
  const [, body = ''] = /^(?:#.*\n)*([\s\S]*)$/.exec(template) ?? [];
  const filled = body.replace(/\$\{(\w+)\}/g, (whole, name: string) => facts[name] ?? whole);
  const document = parseDocument(filled);
  const { platforms } = document.toJS().spec as { platforms: { uri: string }[] };
  for (const [index, { uri }] of platforms.entries()) {
    const checksum = checksums.get(uri.slice(uri.lastIndexOf('/') + 1));
    if (checksum === undefined)
      throw new Error(`krew-manifest.yaml names ${uri}, and that archive was not made`);
    document.setIn(['spec', 'platforms', index, 'sha256'], checksum);
  }
  const text = document.toString({ lineWidth: 0 });
  const open = /\$\{\w+\}/.exec(text);
  if (open) throw new Error(`krew-manifest.yaml asks for ${open[0]}, which nobody knows`);
  return text;
}
