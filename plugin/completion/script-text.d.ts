// The build puts scripts into the bundle as text.
declare module '*.sh' {
  const text: string;
  export default text;
}
