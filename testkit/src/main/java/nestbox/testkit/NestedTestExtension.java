package nestbox.testkit;

import java.util.List;
import java.util.stream.Stream;
import nestbox.modules.NestboxConfiguration;
import org.junit.jupiter.api.extension.AfterTestExecutionCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.Extension;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.jupiter.api.extension.TestExecutionExceptionHandler;
import org.junit.jupiter.api.extension.TestTemplateInvocationContext;
import org.junit.jupiter.api.extension.TestTemplateInvocationContextProvider;
import org.opentest4j.TestAbortedException;

/** Runs a {@link NestedTest} over the product of its dimensions. */
public final class NestedTestExtension implements TestTemplateInvocationContextProvider {
    /** System property that selects cases. */
    static final String FILTER = "nestbox.case";

    @Override
    public boolean supportsTestTemplate(ExtensionContext context) {
        return context.getRequiredTestMethod().isAnnotationPresent(NestedTest.class);
    }

    @Override
    public Stream<TestTemplateInvocationContext> provideTestTemplateInvocationContexts(ExtensionContext context) {
        NestedTest test = context.getRequiredTestMethod().getAnnotation(NestedTest.class);
        String filter = System.getProperty(FILTER, "");
        return NestedCase.of(test).stream().map(one -> invocation(one, filter));
    }

    private static TestTemplateInvocationContext invocation(NestedCase one, String filter) {
        return new TestTemplateInvocationContext() {
            @Override
            public String getDisplayName(int index) {
                return one.name();
            }

            @Override
            public List<Extension> getAdditionalExtensions() {
                return List.of(new Case(one, filter));
            }
        };
    }

    /** One case: its laboratory, and what is said when it fails. */
    private static final class Case
            implements ParameterResolver,
                    BeforeEachCallback,
                    AfterTestExecutionCallback,
                    TestExecutionExceptionHandler {
        private final NestedCase one;
        private final String filter;
        private NestedLab lab;

        Case(NestedCase one, String filter) {
            this.one = one;
            this.filter = filter;
        }

        @Override
        public void beforeEach(ExtensionContext context) {
            if (!filter.isEmpty() && !one.matches(filter)) {
                throw new TestAbortedException(FILTER + "=" + filter + " leaves it out");
            }
        }

        @Override
        public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
            Class<?> type = parameter.getParameter().getType();
            return type == NestedLab.class || type == NestboxConfiguration.class;
        }

        @Override
        public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
            boolean wantsLab = parameter.getParameter().getType() == NestedLab.class;
            return wantsLab ? lab() : lab().configuration();
        }

        private NestedLab lab() {
            if (lab == null) {
                lab = new NestedLab(one.configuration()).checkTlb(one.checkTlb());
            }
            return lab;
        }

        @Override
        public void handleTestExecutionException(ExtensionContext context, Throwable thrown) throws Throwable {
            throw thrown instanceof TestAbortedException || lab == null ? thrown : told(context, thrown);
        }

        /** A broken invariant fails a test that has passed. */
        @Override
        public void afterTestExecution(ExtensionContext context) {
            if (lab == null || context.getExecutionException().isPresent()) {
                return;
            }
            for (LabRun run : lab.runs()) {
                List<String> broken = LabInvariants.broken(run);
                if (!broken.isEmpty()) {
                    throw told(context, new AssertionError("after the test:\n  " + String.join("\n  ", broken)));
                }
            }
        }

        private AssertionError told(ExtensionContext context, Throwable thrown) {
            StringBuilder text = new StringBuilder(String.valueOf(thrown.getMessage()));
            for (LabRun run : lab.runs()) {
                text.append("\n\nWhat led to it (")
                        .append(run.title())
                        .append("):\n")
                        .append(Steps.text(run));
            }
            String method = context.getRequiredTestClass().getSimpleName() + "#"
                    + context.getRequiredTestMethod().getName();
            text.append("\nTo repeat it: mvn test -Dtest='")
                    .append(method)
                    .append("' -D")
                    .append(FILTER);
            text.append("='").append(one.name().replace(" | ", ",")).append("'\n");
            AssertionError error = new AssertionError(text.toString(), thrown);
            error.setStackTrace(thrown.getStackTrace());
            return error;
        }
    }
}
