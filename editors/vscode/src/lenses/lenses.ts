// What can be done, above the lines of the stack file that it is about.
import { CodeLens, Range, languages, type CancellationToken, type CodeLensProvider, type Disposable, type TextDocument } from "vscode";
import { isMap, isScalar, LineCounter, parseDocument, type Pair } from "yaml";

import { stackFileOf } from "../problems/stack_files";

/** A line of a stack file that something can be done about. */
export interface Spot {
  line: number;
  /** The environment that it names; absent for the stack's own line. */
  environment?: string;
}

/** The stack's name, the line of it, and the lines of its environments. */
export function spots(text: string): { stack: string; spots: Spot[] } | undefined {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, strict: false, logLevel: "silent" });
  if (!isMap(document.contents)) return undefined;
  const line = (pair: Pair) => lines.linePos((isScalar(pair.key) && pair.key.range?.[0]) || 0).line - 1;
  const named = (key: string) => (document.contents as { items: Pair[] }).items.find((pair) => isScalar(pair.key) && pair.key.value === key);
  const name = named("name");
  if (!name || !isScalar(name.value) || typeof name.value.value !== "string") return undefined;
  const environments = named("environments")?.value;
  const keys = isMap(environments) ? environments.items.filter((pair) => isScalar(pair.key)) : [];
  return {
    stack: name.value.value,
    spots: [{ line: line(name) }, ...keys.map((pair) => ({ line: line(pair), environment: String((pair.key as { value: unknown }).value) }))],
  };
}

export class Lenses implements CodeLensProvider, Disposable {
  private readonly registration = languages.registerCodeLensProvider({ scheme: "file", pattern: "**/stack.yaml" }, this);

  provideCodeLenses(document: TextDocument, _token: CancellationToken): CodeLens[] {
    const found = stackFileOf(document) ? spots(document.getText()) : undefined;
    if (!found) return [];
    return found.spots.flatMap((spot) => {
      const range = new Range(spot.line, 0, spot.line, 0);
      const place = { stack: found.stack, environment: spot.environment, file: document.uri.fsPath };
      const lens = (title: string, command: string) => new CodeLens(range, { title, command: `deployer.${command}`, arguments: [place] });
      const both = [lens("$(search) Plan", "plan"), lens("$(rocket) Apply", "apply")];
      return spot.environment ? [...both, lens("$(pulse) Health", "status"), lens("$(history) Roll back", "rollback")] : both;
    });
  }

  dispose(): void {
    this.registration.dispose();
  }
}
