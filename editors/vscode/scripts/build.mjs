// Bundles the extension into dist/extension.js.
import { build } from "esbuild";

const test = process.argv.includes("--test");
await build({
  entryPoints: test ? ["test/host.ts"] : ["src/extension.ts"],
  outfile: test ? "dist/test/host.js" : "dist/extension.js",
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  external: ["vscode"],
  minify: !test,
  sourcemap: false,
  legalComments: "none",
  logLevel: "warning",
});
