// Writes testdata/reference.json: what the vendors' own tokenizers count. tiktoken is OpenAI's code compiled to
// WebAssembly; @anthropic-ai/tokenizer is the only one that Anthropic has published.
import fs from "node:fs";
import { getTokenizer } from "@anthropic-ai/tokenizer";
import { get_encoding } from "tiktoken";

const o200k = get_encoding("o200k_base");
const claude = getTokenizer();
const count = (text) => o200k.encode_ordinary(text).length;
const testdata = new URL("../testdata/", import.meta.url);

const corpus = {};
for (const name of fs.readdirSync(new URL("corpus/", testdata)).sort()) {
  const text = fs.readFileSync(new URL("corpus/" + name, testdata), "utf8");
  corpus[name] = { o200k: count(text), claude: claude.encode(text.normalize("NFKC"), "all").length };
}

// Texts of random pieces, each of which means something to the splitting rules.
const pieces = [
  "a", "B", "Ab", "the", " ", "  ", "\n", "\r\n", "\r", "\t", "\u00a0", "\u0085", "\u2028", "\u3000", "\ufeff", "/", "//",
  "'s", "'S", "'LL", "'re", "'", "\u2019s", "1", "23", "4567", "²", "½", "Ⅷ", "٣", "é", "e\u0301", "\u0301", "\u0300\u0301", "ǅ", "ʰ",
  "ª", "日", "本語", "の", "한국", "Ж", "жук", "ß", "ẞ", "ſ", "'ſ", "😀", "👩‍💻", "\u200d", "\u200b", "_", "-", "...", "!", "@",
  "<|endoftext|>", "\u0000", "\u0001", "क्षि", "สวัสดี", "عربى", "𝔸", "𝟙", "𠀀", "\u{e0001}", "{", "}", '"', "\\", "ⓐ", "〇", "々", "ー", "、",
];
let seed = 7;
const random = (n) => {
  seed = (seed * 1103515245 + 12345) & 0x7fffffff;
  return (seed >> 8) % n;
};
const oddities = [];
for (let i = 0; i < 1500; i++) {
  let text = "";
  for (let n = 1 + random(12); n > 0; n--) text += pieces[random(pieces.length)];
  oddities.push([text, count(text)]);
}

const repeats = [["a", 10000], ["ab", 3000], ["=", 9000], [" ", 5000], ["日本語", 2000], ["é", 3000], ["0", 5000], ["\n", 300], ["xyzzy", 1000], ["AB", 4000]]
  .map(([text, times]) => [text, times, count(text.repeat(times))]);

const made = { o200k: "npm tiktoken 1.0.22, o200k_base", claude: "npm @anthropic-ai/tokenizer 0.0.4" };
const lines = (list) => "[\n" + list.map((x) => "    " + JSON.stringify(x)).join(",\n") + "\n  ]";
fs.writeFileSync(
  new URL("reference.json", testdata),
  `{\n  "made_by": ${JSON.stringify(made)},\n  "corpus": ${JSON.stringify(corpus, null, 4).replace(/\n}$/, "\n  }")},\n` +
    `  "repeats": ${lines(repeats)},\n  "oddities": ${lines(oddities)}\n}\n`,
);
