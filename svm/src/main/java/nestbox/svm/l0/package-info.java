/** SVM as L0 uses it to run its guests (vmcb01): the backend behind {@link nestbox.l0.VendorBackend}. */
package nestbox.svm.l0;
