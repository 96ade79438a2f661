package nestbox.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.Tree;
import com.sun.source.util.DocTrees;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TreePath;
import com.sun.source.util.TreePathScanner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.lang.model.element.Modifier;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;

/** Every public type says what it is. */
class DocumentationTest {
    private static final Path ROOT = Path.of(System.getProperty("nestbox.root", ".."));

    @Test
    void everyPublicTypeHasAComment() throws IOException {
        List<Path> sources;
        try (Stream<Path> all = Files.walk(ROOT)) {
            sources = all.filter(path -> path.toString().endsWith(".java"))
                    .filter(path -> ROOT.relativize(path).toString().matches("[^/]+/src/main/java/.*"))
                    .toList();
        }
        assertThat(sources).hasSizeGreaterThan(400);
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        List<String> silent = new ArrayList<>();
        try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null)) {
            JavacTask task = (JavacTask)
                    compiler.getTask(null, files, null, List.of(), null, files.getJavaFileObjectsFromPaths(sources));
            DocTrees trees = DocTrees.instance(task);
            for (CompilationUnitTree unit : task.parse()) {
                new PublicTypes(trees, silent).scan(unit, null);
            }
        }
        assertThat(silent).isEmpty();
    }

    /** Collects public types without a comment; what is not public hides what it encloses. */
    private static final class PublicTypes extends TreePathScanner<Void, Void> {
        private final DocTrees trees;
        private final List<String> silent;

        PublicTypes(DocTrees trees, List<String> silent) {
            this.trees = trees;
            this.silent = silent;
        }

        @Override
        public Void visitClass(ClassTree type, Void unused) {
            TreePath path = getCurrentPath();
            Tree around = path.getParentPath().getLeaf();
            boolean ofInterface = around.getKind() == Tree.Kind.INTERFACE;
            if (!ofInterface && !type.getModifiers().getFlags().contains(Modifier.PUBLIC)) {
                return null;
            }
            String comment = trees.getDocComment(path);
            if (comment == null || comment.isBlank()) {
                silent.add(path.getCompilationUnit().getPackageName() + "." + type.getSimpleName());
            }
            return super.visitClass(type, unused);
        }

        @Override
        public Void visitMethod(com.sun.source.tree.MethodTree method, Void unused) {
            return null;
        }

        @Override
        public Void visitVariable(com.sun.source.tree.VariableTree variable, Void unused) {
            return null;
        }
    }
}
