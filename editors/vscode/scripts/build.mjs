// Bundles the extension into dist/extension.js, and the licences of what is in it into dist/LICENSES.txt.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const test = process.argv.includes("--test");
const { metafile } = await build({
  entryPoints: test ? ["test/host.ts"] : ["src/extension.ts"],
  outfile: test ? "dist/test/host.js" : "dist/extension.js",
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  external: ["vscode"],
  minify: !test,
  metafile: true,
  legalComments: "none",
  logLevel: "warning",
});
if (!test) writeLicences(Object.keys(metafile.inputs));

/** The packages that the bundle is made of, each with its licence. */
function writeLicences(inputs) {
  const named = inputs.map((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]);
  const texts = [...new Set(named.filter(Boolean))].sort().map((directory) => {
    const { name, version, license } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
    const file = readdirSync(directory).find((it) => /^licen[cs]e/i.test(it));
    return `${name} ${version} (${license})\n\n${file ? readFileSync(join(directory, file), "utf8").trim() : ""}`;
  });
  mkdirSync("dist", { recursive: true });
  const own = readFileSync("../../LICENSE", "utf8").trim();
  writeFileSync("dist/LICENSES.txt", [`deployer\n\n${own}`, ...texts].join(`\n\n${"-".repeat(80)}\n\n`));
}
