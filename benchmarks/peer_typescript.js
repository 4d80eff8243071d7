// Where the calls of JavaScript and TypeScript lead, by the TypeScript compiler; for `bench_graph.py --led`.
//
// NODE_PATH=SCRATCH/node_modules node peer_typescript.js FOLDER > CALLS     (SCRATCH has typescript@5.9.3)
//
// Standard output: JSON, [path, first byte, end byte, [[path, line], ...]] of each call, with the places of what
// is called: functions, methods, classes, and what holds a function expression. [path, 0] is a place that holds
// none of these (a parameter, a variable with a computed value), ["", 0] lies outside of the folder; the list
// is empty where the checker cannot tell. Nothing of the folder is run. Its tsconfig.json, where there is one,
// says which modules `paths` means. Where a module has both code and a declaration file, calls lead to the code.

"use strict";

const fs = require("node:fs");
const path = require("node:path");
const ts = require("typescript");

const ENDING = /\.[cm]?[jt]sx?$/;
const DECLARED = /\.d\.[cm]?ts$/; // such a file is only read where an import leads to it
const NOT_OURS = new Set(["node_modules", ".git"]);

const root = fs.realpathSync(process.argv[2]);

function main() {
  const files = sources(root).sort();
  const program = ts.createProgram(files, options(), host());
  const checker = program.getTypeChecker();
  const calls = files.flatMap((file) => callsOf(program.getSourceFile(file), checker));
  process.stdout.write(JSON.stringify(calls));
}

// ------------------------------------------------------------------ the program

function options() {
  const config = path.join(root, "tsconfig.json");
  const written = fs.existsSync(config) ? ts.readConfigFile(config, ts.sys.readFile).config : {};
  const { baseUrl, paths } = written?.compilerOptions ?? {};
  return {
    allowJs: true,
    checkJs: false,
    noEmit: true,
    strict: true,
    experimentalDecorators: true,
    types: [],
    jsx: ts.JsxEmit.Preserve,
    target: ts.ScriptTarget.ESNext,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    allowImportingTsExtensions: true,
    paths,
    baseUrl: paths && path.resolve(root, baseUrl ?? "."),
  };
}

/** Returns a host that takes a declaration file for a module only where there is no code. */
function host() {
  const made = ts.createCompilerHost(options());
  const code = { ...made, fileExists: (file) => !DECLARED.test(file) && made.fileExists(file) };
  made.resolveModuleNameLiterals = (names, from, _redirected, given) =>
    names.map(({ text }) => {
      const found = ts.resolveModuleName(text, from, given, code);
      return found.resolvedModule ? found : ts.resolveModuleName(text, from, given, made);
    });
  return made;
}

function sources(folder) {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const place = path.join(folder, entry.name);
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : sources(place);
    const isCode = ENDING.test(entry.name) && !DECLARED.test(entry.name);
    return entry.isFile() && isCode ? [place] : [];
  });
}

// ------------------------------------------------------------------ calls

function callsOf(file, checker) {
  const found = [];
  const bytes = byteOffsets(file.text);
  const visit = (node) => {
    if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
      const places = placesOf(node, checker);
      found.push([inside(file.fileName), bytes(node.getStart(file)), bytes(node.end), places]);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

/** Returns a function from offsets in UTF-16 units to those in UTF-8 bytes. */
function byteOffsets(text) {
  if (Buffer.byteLength(text) === text.length) return (offset) => offset;
  const offsets = new Uint32Array(text.length + 1);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    const isHalf = unit >= 0xd800 && unit < 0xe000; // of a pair, which takes four bytes
    offsets[i + 1] = offsets[i] + (unit < 0x80 ? 1 : unit < 0x800 || isHalf ? 2 : 3);
  }
  return (offset) => offsets[offset];
}

function placesOf(call, checker) {
  const symbol = symbolAt(call.expression, checker);
  const declared = symbol?.declarations ?? [];
  let found = declared.map((one) => definition(one, checker)).filter(Boolean);
  if (!found.length && !declared.some(ts.isParameter)) {
    found = [checker.getResolvedSignature(call)?.declaration].map(definitionOf).filter(Boolean);
  }
  const bodies = found.filter((one) => one.body || !ts.isFunctionLike(one)); // an overload has none
  const places = (bodies.length ? bodies : found).map(placeOf);
  return unique(places.length ? places : declared.map((one) => [inside(one.getSourceFile().fileName), 0]));
}

function symbolAt(expression, checker) {
  const callee = bare(expression);
  const symbol = checker.getSymbolAtLocation(callee.name ?? callee);
  return symbol && symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

// ------------------------------------------------------------------ definitions

/** Returns the definition that a declaration of what is called is, undefined for one that is none. */
function definition(node, checker) {
  if (ts.isShorthandPropertyAssignment(node)) {
    let symbol = checker.getShorthandAssignmentValueSymbol(node);
    if (symbol && symbol.flags & ts.SymbolFlags.Alias) symbol = checker.getAliasedSymbol(symbol);
    return symbol?.declarations?.map((one) => definition(one, checker)).find(Boolean);
  }
  if (ts.isBinaryExpression(node.parent ?? node) && node.parent.left === node) return definition(node.parent);
  if (isNamed(node) || isFunction(value(node))) return node;
  return undefined;
}

/** Returns the definition that the function of a signature belongs to, undefined for a type or a callback. */
function definitionOf(node) {
  if (!node || isNamed(node)) return node && ts.isConstructorDeclaration(node) ? node.parent : node;
  if (!isFunction(node)) return undefined;
  let above = node.parent;
  while (ts.isParenthesizedExpression(above)) above = above.parent;
  return value(above) === node ? above : undefined;
}

function isNamed(node) {
  return (
    ts.isFunctionDeclaration(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isMethodSignature(node) ||
    ts.isConstructorDeclaration(node) ||
    ts.isAccessor(node) ||
    ts.isClassDeclaration(node)
  );
}

function isFunction(node) {
  return (
    node !== undefined &&
    (ts.isFunctionExpression(node) || ts.isArrowFunction(node) || ts.isClassExpression(node))
  );
}

/** Returns what a variable, a property, an assignment or `export default` holds. */
function value(node) {
  if (ts.isBinaryExpression(node)) {
    const right = node.operatorToken.kind === ts.SyntaxKind.EqualsToken ? bare(node.right) : undefined;
    return right && ts.isBinaryExpression(right) ? value(right) : right;
  }
  const held = ts.isExportAssignment(node) ? node.expression : node.initializer;
  return held && !ts.isBindingElement(node) ? bare(held) : undefined;
}

function bare(node) {
  while (
    ts.isParenthesizedExpression(node) ||
    ts.isNonNullExpression(node) ||
    ts.isAsExpression(node) ||
    ts.isSatisfiesExpression(node)
  ) {
    node = node.expression;
  }
  return node;
}

// ------------------------------------------------------------------ places

function placeOf(node) {
  const file = node.getSourceFile();
  const name = inside(file.fileName);
  const start = (ts.getNameOfDeclaration(node) ?? node).getStart(file);
  return [name, name && file.getLineAndCharacterOfPosition(start).line + 1];
}

/** Returns the path within the folder, "" for one that lies outside. */
function inside(file) {
  const relative = path.relative(root, file).split(path.sep).join("/");
  return relative.startsWith("..") || relative.includes("node_modules/") ? "" : relative;
}

function unique(places) {
  const found = new Map(places.map(([name, line]) => [`${name}:${line || 0}`, [name, line || 0]]));
  return [...found.values()];
}

main();
