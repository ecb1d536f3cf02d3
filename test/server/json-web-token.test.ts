import { createHmac } from 'node:crypto';
import test from 'ava';
import { keyOf, signToken, verifyToken } from '../../server/access/json-web-token.ts';

const KEY = Buffer.alloc(32, 7);
const NOW = 1_700_000_000;
const CLAIMS = { iss: 'gitlab', aud: 'gitlab-kas', iat: NOW, nbf: NOW - 5, exp: NOW + 60 };

/** A token of anything, signed as `alg` says or not at all. */
function made(claims: unknown, alg: unknown = 'HS256', key: Buffer = KEY, more: object = {}): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg, typ: 'JWT', ...more })}.${part(claims)}`;
  const hash = /^HS(256|384|512)$/.exec(String(alg))?.[1];
  const signature = hash ? createHmac(`sha${hash}`, key).update(signed).digest('base64url') : '';
  return `${signed}.${signature}`;
}

const verify = (token: string) => verifyToken(token, KEY, { audience: 'gitlab-kas', now: NOW * 1000 });
const [head, body, signature] = made(CLAIMS).split('.') as [string, string, string];

const GOOD: Record<string, string> = {
  'our own': signToken(CLAIMS, KEY),
  HS256: made(CLAIMS),
  HS384: made(CLAIMS, 'HS384'),
  HS512: made(CLAIMS, 'HS512'),
  'one audience of several': made({ ...CLAIMS, aud: ['other', 'gitlab-kas'] }),
  'without nbf': made({ aud: 'gitlab-kas', exp: NOW + 1 }),
  'ended within the skew': made({ ...CLAIMS, exp: NOW - 4 }),
  'begins within the skew': made({ ...CLAIMS, nbf: NOW + 4 }),
};

const BAD: Record<string, string> = {
  nothing: '',
  'no token': 'glagent-abc',
  'alg none': made(CLAIMS, 'none'),
  'alg none with a signature': `${made(CLAIMS, 'none')}${signature}`,
  'alg of the public kind': `${made(CLAIMS, 'RS256')}${signature}`,
  'alg from the prototype': `${made(CLAIMS, 'constructor')}${signature}`,
  'no alg': `${made(CLAIMS, null)}${signature}`,
  'alg that the signature is not of': `${Buffer.from('{"alg":"HS512"}').toString('base64url')}.${body}.${signature}`,
  'another key': made(CLAIMS, 'HS256', Buffer.alloc(32, 8)),
  'an empty key': made(CLAIMS, 'HS256', Buffer.alloc(0)),
  'a changed claim': [head, made({ ...CLAIMS, exp: NOW + 61 }).split('.')[1], signature].join('.'),
  'a shortened signature': [head, body, signature.slice(0, -4)].join('.'),
  'a longer signature': [head, body, `${signature}AAAA`].join('.'),
  'a fourth part': `${made(CLAIMS)}.x`,
  'another alphabet': `${made(CLAIMS)}=`,
  'an extension that is critical': made(CLAIMS, 'HS256', KEY, { crit: ['exp'] }),
  'another audience': made({ ...CLAIMS, aud: 'gitlab' }),
  'no audience': made({ exp: NOW + 60 }),
  'an audience among names only': made({ ...CLAIMS, aud: ['gitlab-kas-2'] }),
  ended: made({ ...CLAIMS, exp: NOW - 6 }),
  'not begun': made({ ...CLAIMS, nbf: NOW + 6 }),
  'without an end': made({ aud: 'gitlab-kas' }),
  'an end that is no number': made({ ...CLAIMS, exp: String(NOW + 60) }),
  'claims that are a list': made([CLAIMS]),
  'claims that are null': made(null),
  'a header that is no JSON': `eA.${body}.${signature}`,
  'longer than any': made({ ...CLAIMS, more: 'x'.repeat(10_000) }),
};

test('tokens that are taken, and those that are not', (t) => {
  for (const [what, token] of Object.entries(GOOD)) t.truthy(verify(token), what);
  for (const [what, token] of Object.entries(BAD)) t.is(verify(token), undefined, what);
  t.is(verify(made(CLAIMS))!.iss, 'gitlab');
  t.is(verifyToken(made(CLAIMS), Buffer.alloc(0), { audience: 'gitlab-kas', now: NOW * 1000 }), undefined);
});

test('a secret is base64, or stands as it is', (t) => {
  t.deepEqual(keyOf(KEY.toString('base64')), KEY);
  t.deepEqual(keyOf(KEY.toString('base64').replace(/=+$/, '')), KEY);
  t.deepEqual(keyOf('a secret, as it stands'), Buffer.from('a secret, as it stands'));
});
