import test from 'ava';
import { environmentProxy } from '../../../core/kube/proxy-choice.ts';

const PROXY = 'http://proxy:3128';

// [server, NO_PROXY, through the proxy]: golang.org/x/net/http/httpproxy's own tests, and more.
const NO_PROXY: [string, string, boolean][] = [
  ['https://example.com', '', true],
  ['https://localhost', '', false],
  ['https://127.0.0.1:6443', '', false],
  ['https://127.0.0.2', '', false],
  ['https://[::1]', '', false],
  ['https://[::2]', '', true],
  ['https://192.168.1.1', '192.168.1.1', false],
  ['https://192.168.1.2', '192.168.1.1', true],
  ['https://192.168.1.3', '192.168.1.0/24', false],
  ['https://192.168.2.3', '192.168.1.0/24', true],
  ['https://10.0.0.1', '10.0.0.1:443', false],
  ['https://10.0.0.1:6443', '10.0.0.1:443', true],
  ['https://10.0.0.1:6443', '10.0.0.1:6443', false],
  ['https://[2001:db8::52:0:1]', '2001:db8::52:0:0/112', false],
  ['https://[2001:db8::52:0:1]', '2001:db8::52:0:1', false],
  ['https://[2001:db8::52:0:2]:8443', '[2001:db8::52:0:2]:8443', false],
  ['https://[2001:db8::52:0:2]', '[2001:db8::52:0:2]:8443', true],
  ['https://[2002:db8:a::45]', '2001:db8::/32', true],
  ['https://www.barbaz.net', 'foobar.com, .barbaz.net', false],
  ['https://barbaz.net', '.barbaz.net', true],
  ['https://foobar.com', 'foobar.com', false],
  ['https://www.foobar.com', 'foobar.com', false],
  ['https://foofoobar.com', 'foobar.com', true],
  ['https://a.example.com', '*.example.com', false],
  ['https://example.com', '*.example.com', true],
  ['https://example.com:6443', 'example.com:6443', false],
  ['https://example.com', 'example.com:6443', true],
  ['https://example.com', 'EXAMPLE.com', false],
  ['https://EXAMPLE.com', 'example.com', false],
  ['https://example.com', '*', false],
  ['https://10.1.2.3', '*', false],
  ['https://example.com', 'other, *', false],
  ['https://example.com', ' , ,:443', true],
  ['https://10.1.2.3', '10.1.2', true],
  ['https://example.com', '10.0.0.0/8', true],
  ['https://10.0.0.1', '10.0.0.1/99', true],
];

for (const [server, noProxy, proxied] of NO_PROXY) {
  test(`${server} with NO_PROXY=${noProxy || '""'}: ${proxied ? 'proxied' : 'direct'}`, (t) => {
    const chosen = environmentProxy({ HTTPS_PROXY: PROXY, NO_PROXY: noProxy }, new URL(server));
    t.is(chosen?.href, proxied ? `${PROXY}/` : undefined);
  });
}

const NAMED: [string, Record<string, string>, string | undefined][] = [
  ['https://x', {}, undefined],
  ['https://x', { https_proxy: 'http://lower:1' }, 'http://lower:1/'],
  ['https://x', { HTTPS_PROXY: 'http://upper:1', https_proxy: 'http://lower:1' }, 'http://upper:1/'],
  ['https://x', { HTTP_PROXY: 'http://plain:1' }, undefined],
  ['https://x', { ALL_PROXY: 'http://all:1' }, undefined],
  ['http://x', { HTTP_PROXY: 'http://plain:1' }, 'http://plain:1/'],
  ['http://x', { HTTP_PROXY: 'http://plain:1', REQUEST_METHOD: 'GET' }, undefined],
  ['http://x', { HTTPS_PROXY: 'http://secure:1' }, undefined],
  ['https://x', { HTTPS_PROXY: 'proxy:3128' }, 'http://proxy:3128/'],
  ['https://x', { HTTPS_PROXY: 'proxy' }, 'http://proxy/'],
  ['https://x', { HTTPS_PROXY: 'socks5://proxy:1080' }, 'socks5://proxy:1080'],
  ['https://x', { HTTPS_PROXY: 'http://a:1', no_proxy: 'x' }, undefined],
  ['https://x', { HTTPS_PROXY: 'http://a:1', NO_PROXY: 'y', no_proxy: 'x' }, 'http://a:1/'],
];

for (const [server, env, expected] of NAMED) {
  test(`${server} with ${JSON.stringify(env)}: ${expected ?? 'direct'}`, (t) => {
    t.is(environmentProxy(env, new URL(server))?.href, expected);
  });
}

test('a variable that names no proxy is an error without its value', (t) => {
  t.throws(() => environmentProxy({ HTTPS_PROXY: 'ftp://jo:PLANTED@x' }, new URL('https://x')), {
    message: 'HTTPS_PROXY is not the URL of a proxy',
  });
});
