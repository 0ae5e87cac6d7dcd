// Plans as documents that can be read, searched and compared, and that nobody is asked to save.
import { EventEmitter, Uri, ViewColumn, languages, window, workspace, type Disposable, type TextDocumentContentProvider } from "vscode";

import type { Plan__Output } from "../../generated/deployer/v1/Plan";
import { operationWord } from "../model/runs";
import { planText } from "./text";

const SCHEME = "deployer-plan";

export class PlanDocuments implements TextDocumentContentProvider, Disposable {
  private readonly texts = new Map<string, string>();
  private readonly changed = new EventEmitter<Uri>();
  readonly onDidChange = this.changed.event;
  private readonly subscriptions: Disposable[];

  constructor() {
    this.subscriptions = [
      workspace.registerTextDocumentContentProvider(SCHEME, this),
      workspace.onDidCloseTextDocument((document) => this.texts.delete(document.uri.toString())),
    ];
  }

  provideTextDocumentContent(uri: Uri): string {
    return this.texts.get(uri.toString()) ?? "";
  }

  /** Shows a plan beside what is being written. */
  async show(plan: Plan__Output, of?: string): Promise<void> {
    const name = of ?? operationWord(plan.operation);
    const uri = Uri.from({ scheme: SCHEME, path: `/${plan.stack}/${plan.environment}/${name}.plan` });
    this.texts.set(uri.toString(), planText(plan));
    this.changed.fire(uri);
    const document = await workspace.openTextDocument(uri);
    await languages.setTextDocumentLanguage(document, "diff");
    await window.showTextDocument(document, { preview: true, preserveFocus: true, viewColumn: ViewColumn.Beside });
  }

  dispose(): void {
    this.subscriptions.forEach((it) => it.dispose());
    this.changed.dispose();
  }
}
