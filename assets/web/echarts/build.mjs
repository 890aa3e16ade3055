// Builds ../echarts.js.gz from the pinned packages; with --check it only compares the result with the committed file.
import { build } from "esbuild";
import { readFileSync, writeFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";

const target = new URL("../echarts.js.gz", import.meta.url);
const { version } = JSON.parse(readFileSync(new URL("node_modules/echarts/package.json", import.meta.url)));
const { outputFiles } = await build({
  entryPoints: [new URL("entry.js", import.meta.url).pathname],
  bundle: true, minify: true, write: false, format: "esm", target: "es2020", legalComments: "none",
  define: { "process.env.NODE_ENV": '"production"' },
  banner: { js: `/* Apache ECharts ${version}, Apache License 2.0, https://echarts.apache.org; tree-shaken, see echarts/build.mjs */` },
});
const made = Buffer.from(outputFiles[0].contents);

for (const word of ["new Function", "eval("]) {
  if (made.includes(word)) throw new Error(`the build contains ${word}, which the content security policy forbids`);
}
if (process.argv.includes("--check")) {
  if (!gunzipSync(readFileSync(target)).equals(made)) {
    console.error("echarts.js.gz differs from what the pinned packages give; run: make echarts");
    process.exit(1);
  }
  console.log("echarts.js.gz is what the pinned packages give");
} else {
  const packed = gzipSync(made, { level: 9 });
  writeFileSync(target, packed);
  console.log(`echarts ${version}: ${made.length} bytes, ${packed.length} compressed`);
}
