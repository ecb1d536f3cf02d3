/** Certificates for the servers and users of these tests, made by the openssl program. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Pair {
  cert: string;
  key: string;
  certFile: string;
  keyFile: string;
}

/** An authority in a folder of its own; `remove` deletes it. */
export class Authority {
  readonly dir = mkdtempSync(join(tmpdir(), 'kube-certificates-'));
  readonly ca: Pair;
  #count = 0;

  constructor(name = 'test authority') {
    this.ca = this.#make('ca', ['-x509', '-subj', `/CN=${name}`, '-days', '2']);
  }

  /** A certificate for `names` (`DNS:localhost`, `IP:127.0.0.1`). `days` of 0 or less has expired already, and begins in the year 2090 where it is infinite. */
  issue(commonName: string, names: readonly string[] = [], days = 2): Pair {
    this.#count += 1;
    const name = `${this.#count}`;
    const file = (end: string) => join(this.dir, `${name}.${end}`);
    openssl([
      'req',
      '-newkey',
      ...KEY,
      '-nodes',
      '-keyout',
      file('key'),
      '-out',
      file('csr'),
      '-subj',
      `/CN=${commonName}`,
    ]);
    writeFileSync(
      file('ext'),
      names.length > 0 ? `subjectAltName=${names.join(',')}\n` : 'basicConstraints=CA:FALSE\n',
    );
    const signed = [
      '-in',
      file('csr'),
      '-CA',
      this.ca.certFile,
      '-CAkey',
      this.ca.keyFile,
      '-CAcreateserial',
    ];
    if (days <= 0) this.#signFor(name, 2020);
    else if (days === Number.POSITIVE_INFINITY) this.#signFor(name, 2090);
    else
      openssl([
        'x509',
        '-req',
        ...signed,
        '-out',
        file('crt'),
        '-extfile',
        file('ext'),
        '-days',
        String(days),
      ]);
    return this.#read(name);
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** `openssl x509 -req` takes no dates before version 3.4: `openssl ca` does, and wants its bookkeeping. */
  #signFor(name: string, year: number): void {
    const config = join(this.dir, 'ca.conf');
    writeFileSync(join(this.dir, 'index.txt'), '');
    writeFileSync(join(this.dir, 'serial'), '99\n');
    const lines = [
      '[ca]',
      'default_ca=own',
      '[own]',
      `database=${this.dir}/index.txt`,
      `serial=${this.dir}/serial`,
    ];
    writeFileSync(
      config,
      [
        ...lines,
        `new_certs_dir=${this.dir}`,
        'default_md=sha256',
        'policy=any',
        '[any]',
        'commonName=supplied',
        '',
      ].join('\n'),
    );
    openssl([
      'ca',
      '-batch',
      '-config',
      config,
      '-cert',
      this.ca.certFile,
      '-keyfile',
      this.ca.keyFile,
      '-in',
      join(this.dir, `${name}.csr`),
      '-out',
      join(this.dir, `${name}.crt`),
      '-notext',
      '-extfile',
      join(this.dir, `${name}.ext`),
      '-startdate',
      `${year}0101000000Z`,
      '-enddate',
      `${year}0102000000Z`,
    ]);
  }

  #make(name: string, extra: readonly string[]): Pair {
    openssl([
      'req',
      '-newkey',
      ...KEY,
      '-nodes',
      '-keyout',
      join(this.dir, `${name}.key`),
      '-out',
      join(this.dir, `${name}.crt`),
      ...extra,
    ]);
    return this.#read(name);
  }

  #read(name: string): Pair {
    const certFile = join(this.dir, `${name}.crt`);
    const keyFile = join(this.dir, `${name}.key`);
    return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8'), certFile, keyFile };
  }
}

const KEY = ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];

function openssl(args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' });
}
