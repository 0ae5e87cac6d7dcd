// Plans as documents that can be read, searched and compared, and that nobody is asked to save.
import { EventEmitter, Uri, ViewColumn, languages, window, workspace, type Disposable, type TextDocumentContentProvider } from "vscode";

import type { Plan__Output } from "../../generated/deployer/v1/Plan";
import { operationWord } from "../model/runs";
import { planText } from "./text";

/** How many plans are kept. */
const KEPT = 20;

const SCHEME = "deployer-plan";

export class PlanDocuments implements TextDocumentContentProvider, Disposable {
  private readonly texts = new Map<string, string>();
  private readonly changed = new EventEmitter<Uri>();
  readonly onDidChange = this.changed.event;
  private readonly registration: Disposable;

  constructor() {
    this.registration = workspace.registerTextDocumentContentProvider(SCHEME, this);
  }

  provideTextDocumentContent(uri: Uri): string {
    return this.texts.get(uri.toString()) ?? "";
  }

  /** Shows a plan beside what is being written. */
  async show(plan: Plan__Output, of?: string): Promise<void> {
    const name = of ?? operationWord(plan.operation);
    const uri = Uri.from({ scheme: SCHEME, path: `/${plan.stack}/${plan.environment}/${name}.plan` });
    this.keep(uri.toString(), planText(plan));
    this.changed.fire(uri);
    const document = await workspace.openTextDocument(uri);
    await languages.setTextDocumentLanguage(document, "diff");
    await window.showTextDocument(document, { preview: true, preserveFocus: true, viewColumn: ViewColumn.Beside });
  }

  private keep(uri: string, text: string): void {
    this.texts.delete(uri);
    this.texts.set(uri, text);
    const [oldest] = this.texts.keys();
    if (this.texts.size > KEPT && oldest) this.texts.delete(oldest);
  }

  dispose(): void {
    this.registration.dispose();
    this.changed.dispose();
  }
}
