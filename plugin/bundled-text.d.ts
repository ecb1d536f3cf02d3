// The build puts the text of such files into the bundle: objects, scripts of shells, pages of docs/.
declare module '*.yaml' {
  const text: string;
  export default text;
}
declare module '*.sh' {
  const text: string;
  export default text;
}
declare module '*.md' {
  const text: string;
  export default text;
}
