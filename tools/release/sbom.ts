import type { BundledPackage } from '../licences.ts';

export interface SbomFacts {
  version: string;
  /** Of the Node in the executable; absent where the machine's own Node runs it. */
  node?: string;
  packages: readonly BundledPackage[];
}

/** What is in the program, as a CycloneDX 1.6 document (https://cyclonedx.org/docs/1.6/json/), without times. */
export function sbom({ version, node, packages }: SbomFacts): string {
  const product = {
    type: 'application',
    'bom-ref': `pkg:npm/kubectl-gitlab-agent@${version}`,
    name: 'kubectl-gitlab-agent',
    version,
    licenses: licences('MIT'),
    purl: `pkg:npm/kubectl-gitlab-agent@${version}`,
  };
  const parts = packages.map(({ name, version: packed, licence }) => {
    const purl = `pkg:npm/${name.replace('@', '%40')}@${packed}`;
    return { type: 'library', 'bom-ref': purl, name, version: packed, licenses: licences(licence), purl };
  });
  const runtime = `pkg:generic/node@${node}`;
  const platform = node && {
    type: 'platform',
    'bom-ref': runtime,
    name: 'node',
    version: node,
    licenses: [{ license: { name: 'Node.js and what it carries: see LICENSES.txt' } }],
    purl: runtime,
  };
  const components = [...parts, ...(platform ? [platform] : [])];
  const document = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: product },
    components,
    dependencies: [{ ref: product['bom-ref'], dependsOn: components.map((part) => part['bom-ref']) }],
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

/** An SPDX identifier stays one; `(MIT OR Apache-2.0)` is an expression. */
function licences(licence: string | undefined): object[] {
  if (licence === undefined) return [{ license: { name: 'unknown' } }];
  return /[ ()]/.test(licence) ? [{ expression: licence }] : [{ license: { id: licence } }];
}
