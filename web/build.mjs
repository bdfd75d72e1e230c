// Makes dist/ from app/: one script, that of charts, one style sheet, one page, each with a compressed
// twin.
// usage: node build.mjs            writes dist/
//        node build.mjs --check    fails if dist/ is not what would be written
//        node build.mjs --watch    writes again whenever a source changes
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { build, context } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");
const MAX_SCRIPT = 70_000;

const options = {
  absWorkingDir: here,
  entryPoints: ["app/app.tsx", "app/plot.ts"],
  outdir: "dist",
  bundle: true,
  minify: true,
  write: false,
  format: "esm",
  target: ["es2022"],
  charset: "utf8",
  legalComments: "none",
  jsx: "automatic",
  jsxImportSource: "preact",
  // Fetched with the first chart.
  external: ["./plot.js"],
};

/** The files of dist/, by name: those of the bundle, and those that are copied. */
function files(bundle) {
  const made = Object.fromEntries(
    bundle.outputFiles.map((file) => [file.path.slice(dist.length + 1), Buffer.from(file.contents)]),
  );
  for (const name of ["index.html", "icon.svg"]) {
    made[name] = readFileSync(join(here, "app", name));
  }
  made["licenses.txt"] = licenses();
  return made;
}

/** What the licences of the libraries in the bundle ask us to pass on. */
function licenses() {
  const names = ["preact", "@preact/signals", "@preact/signals-core", "uplot"];
  const texts = names.map((name) => {
    const folder = join(here, "node_modules", name);
    const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const text = readFileSync(join(folder, "LICENSE"), "utf8").trim().replaceAll("\r\n", "\n");
    return `${name} ${version}\n\n${text}\n`;
  });
  return Buffer.from(texts.join(`\n${"-".repeat(72)}\n\n`));
}

function read(name) {
  try {
    return readFileSync(join(dist, name));
  } catch {
    return Buffer.alloc(0);
  }
}

/** Compressed bytes differ between versions of zlib: what counts is what is in them. */
function unzipped(name) {
  try {
    return gunzipSync(read(`${name}.gz`));
  } catch {
    return Buffer.alloc(0);
  }
}

function write(made) {
  for (const [name, content] of Object.entries(made)) {
    if (!read(name).equals(content)) writeFileSync(join(dist, name), content);
    if (!unzipped(name).equals(content)) {
      writeFileSync(join(dist, `${name}.gz`), gzipSync(content, { level: 9 }));
    }
  }
}

function check(made) {
  const stale = Object.entries(made)
    .filter(([name, content]) => !read(name).equals(content) || !unzipped(name).equals(content))
    .map(([name]) => `dist/${name}`);
  if (stale.length > 0) {
    console.error(`not what its sources make: ${stale.join(", ")}; run \`npm run build\` in web/`);
    process.exit(1);
  }
}

function report(made) {
  const sizes = Object.entries(made).map(([name, content]) => {
    const size = gzipSync(content, { level: 9 }).length;
    if (name === "app.js" && size > MAX_SCRIPT) {
      console.error(`the script has ${size} bytes compressed, ${MAX_SCRIPT} are the most`);
      process.exitCode = 1;
    }
    return `${name} ${(size / 1000).toFixed(1)} kB`;
  });
  console.log(sizes.join(", "));
}

const mode = process.argv[2] ?? "--write";
if (mode === "--watch") {
  const plugin = {
    name: "write",
    setup: (own) => own.onEnd((result) => result.outputFiles && write(files(result))),
  };
  await (await context({ ...options, plugins: [plugin] })).watch();
} else {
  const made = files(await build(options));
  if (mode === "--check") check(made);
  else write(made);
  report(made);
}
