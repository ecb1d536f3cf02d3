/** A container image: `registry:5000/team/app:1.2@sha256:…`, its parts as they are written. */
export interface ImageReference {
  name: string;
  tag?: string;
  digest?: string;
}

/** An image that manifests are to use: `from` is its name in them, where it is to get another one. */
export interface WantedImage extends ImageReference {
  from: string;
}

const TAG = /^[\w][\w.-]{0,127}$/;
const DIGEST = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-fA-F]{32,}$/;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*(:\d+)?(\/[a-z0-9][a-z0-9._-]*)*$/;

/** Splits a reference; a colon before the last slash belongs to a port. */
export function splitImage(text: string): ImageReference {
  const [rest, digest] = text.split('@', 2) as [string, string?];
  const colon = rest.indexOf(':', rest.lastIndexOf('/') + 1);
  return {
    name: colon < 0 ? rest : rest.slice(0, colon),
    ...(colon >= 0 && { tag: rest.slice(colon + 1) }),
    ...(digest !== undefined && { digest }),
  };
}

export function formatImage({ name, tag, digest }: ImageReference): string {
  return `${name}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/** Reads `NAME:TAG`, `NAME@DIGEST`, `NAME:TAG@DIGEST` or `OLD=NEW:TAG`; undefined for anything else. */
export function parseWantedImage(text: string): WantedImage | undefined {
  const [, from, to = text] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  const image = splitImage(to);
  const { name, tag, digest } = image;
  if (!NAME.test(name) || (from !== undefined && !NAME.test(from))) return undefined;
  if (tag === undefined && digest === undefined) return undefined;
  if ((tag !== undefined && !TAG.test(tag)) || (digest !== undefined && !DIGEST.test(digest)))
    return undefined;
  return { ...image, from: from ?? name };
}
