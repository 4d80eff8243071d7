// Where javac leads the calls of a folder: a reference for bench_graph.py --led.
//
//     java benchmarks/peer_java/Calls.java FOLDER > CALLS        a JDK of 17 or later
//
// All .java files are parsed and attributed as one program; what depends on absent libraries stays open.
// Standard output is JSON: a list of [path, first byte, end, [[path, line], ...]], one for each call of a
// method or a constructor. The list inside holds the declaration that is called (of a constructor that is not
// written: its class; of an anonymous class: the class or interface that it is made of). A path outside of
// the folder is "", and what javac cannot attribute, or what has no declaration, is an empty list.

import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.ExpressionTree;
import com.sun.source.tree.IdentifierTree;
import com.sun.source.tree.MemberSelectTree;
import com.sun.source.tree.MethodInvocationTree;
import com.sun.source.tree.NewClassTree;
import com.sun.source.tree.Tree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.SourcePositions;
import com.sun.source.util.TreePath;
import com.sun.source.util.TreePathScanner;
import com.sun.source.util.Trees;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.lang.model.element.Element;
import javax.lang.model.element.ElementKind;
import javax.lang.model.type.TypeKind;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

public class Calls extends TreePathScanner<Void, CompilationUnitTree> {
    private static final List<String> OPTIONS =
            List.of("-proc:none", "-XDshould-stop.ifError=FLOW", "-Xmaxerrs", "1", "-nowarn");

    private final Path folder;
    private final Trees trees;
    private final SourcePositions positions;
    private final List<String> found = new ArrayList<>();
    private int[] bytes = {}; // offset in the UTF-8 file of each character

    private Calls(Path folder, Trees trees) {
        this.folder = folder;
        this.trees = trees;
        this.positions = trees.getSourcePositions();
    }

    public static void main(String[] arguments) throws IOException {
        Path folder = Path.of(arguments[0]).toRealPath();
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StandardJavaFileManager files = compiler.getStandardFileManager(none -> {}, null, StandardCharsets.UTF_8);
        JavacTask task = (JavacTask) compiler.getTask(
                null, files, none -> {}, OPTIONS, null, files.getJavaFileObjectsFromPaths(sources(folder)));
        Calls calls = new Calls(folder, Trees.instance(task));
        List<CompilationUnitTree> units = new ArrayList<>();
        task.parse().forEach(units::add);
        task.analyze();
        for (CompilationUnitTree unit : units) {
            calls.bytes = offsets(unit.getSourceFile().getCharContent(true));
            calls.scan(unit, unit);
        }
        new PrintStream(System.out, true, "UTF-8").println("[" + String.join(",\n", calls.found) + "]");
    }

    private static List<Path> sources(Path folder) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            return all.filter(path -> path.toString().endsWith(".java") && !path.endsWith("module-info.java"))
                    .sorted()
                    .collect(Collectors.toList());
        }
    }

    private static int[] offsets(CharSequence text) {
        int[] bytes = new int[text.length() + 1];
        for (int place = 0; place < text.length(); place++) {
            char sign = text.charAt(place);
            int size = sign < 0x80 ? 1 : sign < 0x800 || Character.isSurrogate(sign) ? 2 : 3;
            bytes[place + 1] = bytes[place] + size;
        }
        return bytes;
    }

    @Override
    public Void visitMethodInvocation(MethodInvocationTree call, CompilationUnitTree unit) {
        ExpressionTree method = call.getMethodSelect();
        Tree whole = isOfConstructor(method) ? getCurrentPath().getParentPath().getLeaf() : call; // with its ";"
        add(unit, whole, trees.getElement(new TreePath(getCurrentPath(), method)));
        return super.visitMethodInvocation(call, unit);
    }

    @Override
    public Void visitNewClass(NewClassTree call, CompilationUnitTree unit) {
        Tree made = call.getClassBody() == null ? call : call.getIdentifier();
        add(unit, call, trees.getElement(new TreePath(getCurrentPath(), made)));
        return super.visitNewClass(call, unit);
    }

    private static boolean isOfConstructor(ExpressionTree method) {
        String name = method instanceof IdentifierTree
                ? ((IdentifierTree) method).getName().toString()
                : ((MemberSelectTree) method).getIdentifier().toString();
        return name.equals("this") || name.equals("super");
    }

    private void add(CompilationUnitTree unit, Tree call, Element called) {
        long start = positions.getStartPosition(unit, call);
        long end = positions.getEndPosition(unit, call);
        if (start >= 0 && end > start) { // what is written, not what the compiler adds
            String places = called == null || called.asType().getKind() == TypeKind.ERROR ? "" : place(called);
            found.add(String.format(
                    "[%s, %d, %d, [%s]]", path(unit), bytes[(int) start], bytes[(int) end], places));
        }
    }

    private String place(Element called) {
        TreePath path = trees.getPath(called);
        if (path == null) {
            return isInside(called) ? "" : "[\"\", 0]";
        }
        CompilationUnitTree unit = path.getCompilationUnit();
        long start = positions.getStartPosition(unit, path.getLeaf());
        boolean isWritten = positions.getEndPosition(unit, path.getLeaf()) > start;
        if (called.getKind() == ElementKind.CONSTRUCTOR && !(isWritten && path.getLeaf() instanceof ClassTree)) {
            return isWritten ? line(unit, start) : place(called.getEnclosingElement());
        }
        return isWritten ? line(unit, start) : "";
    }

    private boolean isInside(Element called) {
        Element owner = called.getEnclosingElement();
        return owner != null && trees.getPath(owner) != null;
    }

    private String line(CompilationUnitTree unit, long start) {
        return String.format("[%s, %d]", path(unit), unit.getLineMap().getLineNumber(start));
    }

    private String path(CompilationUnitTree unit) {
        String path = folder.relativize(Path.of(unit.getSourceFile().toUri())).toString();
        return '"' + path.replace("\\", "/").replace("\"", "\\\"") + '"';
    }
}
