// The fields as this version of the server describes them: test_page_script.py writes them.

import { readFileSync } from "node:fs";

import { learn } from "../static/fields.js";

learn(JSON.parse(readFileSync(new URL("./fields.json", import.meta.url), "utf8")));
