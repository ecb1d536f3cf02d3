import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseAllDocuments,
  Scalar,
  visit,
  type YAMLMap,
} from 'yaml';
import { applyEdits, type Edit } from '../model/edit.ts';
import { resolvePlain } from '../model/plain-scalar.ts';
import { formatImage, splitImage, type WantedImage } from './image-reference.ts';

/** What became of a file. `used`: the wanted images that it names, changed or not. */
export interface ImagesSet {
  text: string;
  used: Set<WantedImage>;
}

/**
 * The text of a file of manifests or a kustomization with other images in it: everywhere that `image` says one of
 * the names, and in the `images` of a kustomization. Comments, quotes, order and line ends stay; only what says the
 * image is replaced. Undefined where the text is no YAML.
 */
export function setImages(text: string, images: readonly WantedImage[]): ImagesSet | undefined {
  const mark = text.startsWith('\ufeff') ? 1 : 0;
  const source = text.slice(mark);
  const documents = parseAllDocuments(source, { logLevel: 'silent', uniqueKeys: false, version: '1.1' });
  if (!Array.isArray(documents) || documents.some(({ errors }) => errors.length > 0)) return undefined;
  const editor = new Editor(source, images);
  for (const document of documents) {
    visit(document, {
      Pair: (_key, pair) => {
        if (isScalar(pair.key) && pair.key.value === 'image')
          editor.image(isAlias(pair.value) ? pair.value.resolve(document) : pair.value);
        return undefined;
      },
    });
    const root = document.contents;
    if (isMap(root) && isKustomization(root)) editor.kustomization(root);
  }
  return { text: text.slice(0, mark) + editor.apply(), used: editor.used };
}

function isKustomization(root: YAMLMap): boolean {
  const kind = root.get('kind');
  return kind === 'Kustomization' || kind === 'Component' || (kind === undefined && root.has('images'));
}

class Editor {
  readonly #source: string;
  readonly #images: readonly WantedImage[];
  readonly #edits = new Map<number, Edit>();
  readonly used = new Set<WantedImage>();

  constructor(source: string, images: readonly WantedImage[]) {
    this.#source = source;
    this.#images = images;
  }

  apply(): string {
    return applyEdits(this.#source, [...this.#edits.values()]);
  }

  /** `image: NAME:TAG`. A digest names one image, so it does not outlive its tag. */
  image(node: unknown): void {
    if (!isScalar(node) || typeof node.value !== 'string') return;
    const wanted = this.#find(splitImage(node.value).name);
    if (wanted) this.#scalar(node, formatImage(wanted));
  }

  /** `images: [{name, newName, newTag, digest}]`. */
  kustomization(root: YAMLMap): void {
    const items = root.get('images');
    if (!isSeq(items)) return;
    for (const item of items.items) {
      if (!isMap(item)) continue;
      const named = [item.get('name'), item.get('newName')].filter((name) => typeof name === 'string');
      const wanted = named.map((name) => this.#find(name as string)).find(Boolean);
      if (wanted) this.#override(item, wanted);
    }
  }

  #override(item: YAMLMap, { name, tag, digest }: WantedImage): void {
    if (name !== (item.get('newName') ?? item.get('name'))) this.#set(item, 'newName', name);
    // kustomize takes a digest for more than a tag, so the one that is not wanted goes.
    const [key, value, other] =
      digest === undefined ? ['newTag', tag!, 'digest'] : ['digest', digest, 'newTag'];
    const stale = pairOf(item, other);
    if (stale && !pairOf(item, key)) {
      this.#replace((stale.key as Node).range![0], (stale.key as Node).range![1], key);
      this.#scalar(stale.value as Scalar, value);
      return;
    }
    if (stale) this.#remove(item, stale);
    this.#set(item, key, value);
  }

  #set(item: YAMLMap, key: string, value: string): void {
    const pair = pairOf(item, key);
    if (pair && isScalar(pair.value)) this.#scalar(pair.value, value);
    else if (!pair) this.#add(item, key, value);
  }

  #add(item: YAMLMap, key: string, value: string): void {
    const last = item.items.at(-1)!;
    const end = ((last.value ?? last.key) as Node).range![1];
    const text = `${key}: ${quoted(value)}`;
    if (item.flow) return this.#replace(end, end, `, ${text}`, true);
    const start = (item.items[0]!.key as Node).range![0];
    const indent = ' '.repeat(start - (this.#source.lastIndexOf('\n', start - 1) + 1));
    const eol = this.#source.includes('\r\n') ? '\r\n' : '\n';
    const line = this.#source.slice(end).search(/\r?\n|$/);
    this.#replace(end + line, end + line, `${eol}${indent}${text}`, true);
  }

  /** A pair with its line, or with its comma. */
  #remove(item: YAMLMap, pair: Pair): void {
    const [from] = (pair.key as Node).range!;
    const [, to] = (pair.value as Node).range!;
    if (item.flow) {
      const before = /,\s*$/.exec(this.#source.slice(0, from))?.[0].length ?? 0;
      const after = before === 0 ? (/^\s*,\s*/.exec(this.#source.slice(to))?.[0].length ?? 0) : 0;
      return this.#replace(from - before, to + after, '');
    }
    const lineEnd = to + this.#source.slice(to).search(/\r?\n|$/);
    const first = item.items[0] === pair;
    // The first one stands behind the dash of its item: the next line moves up to it.
    const next = item.items[1];
    if (first && next) return this.#replace(from, (next.key as Node).range![0], '');
    const lineStart = this.#source.lastIndexOf('\n', from - 1);
    const eol = this.#source[lineStart - 1] === '\r' ? lineStart - 1 : lineStart;
    this.#replace(eol, lineEnd, '');
  }

  #find(name: string): WantedImage | undefined {
    const wanted =
      this.#images.find((image) => image.from === name) ?? this.#images.find((image) => image.name === name);
    if (wanted) this.used.add(wanted);
    return wanted;
  }

  /** Another text in the quotes that the scalar has. */
  #scalar(node: Scalar, text: string): void {
    if (node.value === text) return;
    const [from, to] = node.range!;
    const eol = /\r?\n$/.exec(this.#source.slice(from, to))?.[0] ?? '';
    if (node.type === Scalar.QUOTE_SINGLE) this.#replace(from, to, `'${text}'`);
    else if (node.type === Scalar.QUOTE_DOUBLE) this.#replace(from, to, JSON.stringify(text));
    else this.#replace(from, to, quoted(text) + eol);
  }

  /** An anchor that several images share is edited once. */
  #replace(from: number, to: number, text: string, adds = false): void {
    const there = this.#edits.get(from);
    if (there && adds) this.#edits.set(from, { from, to, text: there.text + text });
    else this.#edits.set(from, { from, to, text });
  }
}

function pairOf(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((pair) => isScalar(pair.key) && pair.key.value === key);
}

/** A tag such as `1.5` or `012` would be read as a number. */
function quoted(text: string): string {
  return typeof resolvePlain(text) === 'string' &&
    /^[A-Za-z0-9][\w./:@+-]*$/.test(text) &&
    !/:(\s|$)/.test(text)
    ? text
    : JSON.stringify(text);
}
