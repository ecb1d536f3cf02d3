/** Lines and columns of offsets in a text, both from 1; columns count UTF-16 units. Counted when first asked for. */
export class LineTable {
  private readonly text: string;
  private starts: number[] | undefined;

  constructor(text: string) {
    this.text = text;
  }

  at(offset: number): { line: number; column: number } {
    const starts = this.lineStarts();
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - starts[low]! + 1 };
  }

  /** The text of a line without its line break. */
  line(line: number): string {
    const starts = this.lineStarts();
    const end = starts[line] ?? this.text.length;
    return this.text.slice(starts[line - 1] ?? this.text.length, end).replace(/[\r\n]+$/, '');
  }

  private lineStarts(): number[] {
    if (this.starts) return this.starts;
    const starts = [0];
    if (this.text.includes('\r')) {
      for (const match of this.text.matchAll(/\r\n?|\n/g)) starts.push(match.index + match[0].length);
    } else {
      for (let at = this.text.indexOf('\n'); at >= 0; at = this.text.indexOf('\n', at + 1))
        starts.push(at + 1);
    }
    this.starts = starts;
    return starts;
  }
}
