/**
 * The part of the changelog about a version, without its heading. Throws an Error where there is none, or nothing in
 * it: then something was forgotten.
 */
export function releaseNotes(changelog: string, version: string): string {
  const sections = changelog.split(/^## /m).slice(1);
  const isAbout = (section: string): boolean => {
    const [heading = ''] = section.split('\n');
    return heading.replace(/^\[([^\]]+)\]/, '$1').split(' ')[0] === version;
  };
  const section = sections.find(isAbout);
  const text = section?.slice(section.indexOf('\n')).trim() ?? '';
  if (text !== '') return `${text}\n`;
  throw new Error(
    `CHANGELOG.md says nothing of ${version}: move what is under "Unreleased" below a heading "## ${version} (DATE)"`,
  );
}
