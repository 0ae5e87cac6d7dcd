// Text from elsewhere (names, reasons, what commands print), made harmless for where it is shown.

/** Colours and movements of a terminal's cursor. */
const STEERING = /\u001b(\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])/g;
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
/** What shows a text in another order than it has, or is not seen at all. */
const DECEIVING = /[\u061c\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ufeff]/g;

/** One line, without what would steer a terminal or deceive a reader. */
export function printable(line: string): string {
  const deceives = (found: string) => `\\u{${found.charCodeAt(0).toString(16)}}`;
  return line.replace(STEERING, "").replace(CONTROL, "").replace(/\n/g, "\\n").replace(DECEIVING, deceives);
}

/**
 * A text for a notification or a prompt. The editor makes links of `[text](command:…)` there, and a click runs the command: what others
 * are called and what they say must not become one.
 */
export function unlinked(text: string): string {
  return text.split("\n").map(printable).join("\n").replace(/\]\(/g, "] (");
}
