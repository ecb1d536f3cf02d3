import test from 'ava';
import { formatImage, parseWantedImage, splitImage } from '../../../core/manifest/image-reference.ts';
import { setImages } from '../../../core/manifest/set-images.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

for (const [text, name, tag, digest] of [
  ['web', 'web', undefined, undefined],
  ['web:1', 'web', '1', undefined],
  ['registry:5000/team/web', 'registry:5000/team/web', undefined, undefined],
  ['registry:5000/team/web:1.2', 'registry:5000/team/web', '1.2', undefined],
  [`web:1@${DIGEST}`, 'web', '1', DIGEST],
] as const)
  test(`the parts of ${text}`, (t) => {
    const image = splitImage(text);
    t.is(image.name, name);
    t.is(image.tag, tag);
    t.is(image.digest, digest);
    t.is(formatImage(image), text);
  });

for (const text of [
  'web',
  'web:',
  'web:a b',
  'web@sha256:1',
  '=web:1',
  'a=web',
  'web:1\n',
  '$IMAGE:1',
  ':1',
  'a=b=c:1',
])
  test(`${JSON.stringify(text)} is no wanted image`, (t) => t.is(parseWantedImage(text), undefined));

/** What becomes of a text with these images. */
const set = (text: string, ...images: string[]) =>
  setImages(
    text,
    images.map((image) => parseWantedImage(image)!),
  );

for (const [title, before, after, ...images] of [
  ['plain, with a comment', 'image: web:1 # ours\n', 'image: web:2 # ours\n', 'web:2'],
  [
    'quotes stay',
    `a:\n- image: "web:1"\n- image: 'web:1'\n`,
    `a:\n- image: "web:2"\n- image: 'web:2'\n`,
    'web:2',
  ],
  [
    'without a tag, and one of another name',
    'a:\n- image: web\n- image: webs:1\n',
    'a:\n- image: web:2\n- image: webs:1\n',
    'web:2',
  ],
  ['a digest does not outlive its tag', `image: web:1@${DIGEST}\n`, 'image: web:2\n', 'web:2'],
  ['to a digest', 'image: web:1\n', `image: web@${DIGEST}\n`, `web@${DIGEST}`],
  ['another name', 'image: web:1\n', 'image: registry:5000/web:2\n', 'web=registry:5000/web:2'],
  ['flow and JSON', '{"spec":{"image":"web:1"}}', '{"spec":{"image":"web:2"}}', 'web:2'],
  [
    'documents, CRLF and a byte order mark',
    '\ufeffimage: web:1\r\n---\r\nimage: web:1\r\n',
    '\ufeffimage: web:2\r\n---\r\nimage: web:2\r\n',
    'web:2',
  ],
  [
    'an anchor',
    'x: &i web:1\nimage: *i\ny:\n  image: *i\n',
    'x: &i web:2\nimage: *i\ny:\n  image: *i\n',
    'web:2',
  ],
  [
    'kustomization',
    'images:\n- name: web\n  newTag: "1" # now\n',
    'images:\n- name: web\n  newTag: "2" # now\n',
    'web:2',
  ],
  [
    'a tag that would be a number',
    'images:\n- name: web\n  newTag: v1\n',
    'images:\n- name: web\n  newTag: "1.5"\n',
    'web:1.5',
  ],
  [
    'kustomization without a tag',
    'images:\n  - name: web # w\nx: 1\n',
    'images:\n  - name: web # w\n    newTag: v2\nx: 1\n',
    'web:v2',
  ],
  [
    'tag becomes digest',
    'images:\n- name: web\n  newTag: v1\n',
    `images:\n- name: web\n  digest: ${DIGEST}\n`,
    `web@${DIGEST}`,
  ],
  [
    'digest becomes tag',
    `images:\n- digest: ${DIGEST}\n  name: web\n`,
    'images:\n- newTag: v2\n  name: web\n',
    'web:v2',
  ],
  [
    'both: the other one goes',
    `images:\n- name: web\n  digest: ${DIGEST}\n  newTag: v1\n`,
    'images:\n- name: web\n  newTag: v2\n',
    'web:v2',
  ],
  [
    'newName',
    'images:\n- {name: web, newTag: v1}\n',
    'images:\n- {name: web, newTag: v2, newName: shop/web}\n',
    'web=shop/web:v2',
  ],
  [
    'two images',
    'a:\n- image: web:1\n- image: db:1\n',
    'a:\n- image: web:2\n- image: db:3\n',
    'web:2',
    'db:3',
  ],
] as const)
  test(`set: ${title}`, (t) => {
    const done = set(before, ...images)!;
    t.is(done.text, after);
    t.is(done.used.size, images.length);
    t.is(set(after, ...images)!.text, after, 'the second time nothing changes');
  });

test('what is no YAML is left alone, and what is not used is known', (t) => {
  t.is(set('image: {{ .Values.image }}:1\n - x', 'web:1'), undefined);
  t.is(set('image: other:1\n', 'web:1')!.used.size, 0);
});
