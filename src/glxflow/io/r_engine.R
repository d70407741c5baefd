# Fit one mixed model with lme4 and test its coefficients and contrasts with lmerTest and
# pbkrtest. Called by r_engine.py with a folder: table.csv, levels.csv, contrasts.csv and
# formula.txt in, tests.csv out.
needed <- c("lme4", "lmerTest", "pbkrtest")
missing <- needed[!vapply(needed, requireNamespace, logical(1), quietly = TRUE)]
if (length(missing) > 0) {
  write(paste("missing packages:", paste(missing, collapse = ", ")), stderr())
  quit(status = 3)
}
folder <- commandArgs(TRUE)[1]
read <- function(name) {
  utils::read.csv(file.path(folder, name), colClasses = "character", check.names = FALSE)
}
options(contrasts = c("contr.sum", "contr.poly"))
table <- read("table.csv")
levels <- read("levels.csv")
for (name in names(table)) {
  own <- levels$level[levels$name == name]
  table[[name]] <- if (length(own) > 0) factor(table[[name]], levels = own) else as.numeric(table[[name]])
}
# lme4's default tolerance leaves 1e-6 of the variances; the comparison asks for less.
control <- lme4::lmerControl(
  optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12, maxfun = 1e6),
  check.conv.grad = "ignore", check.conv.singular = "ignore", check.conv.hess = "ignore"
)
formula <- stats::as.formula(readLines(file.path(folder, "formula.txt")))
fit <- lmerTest::lmer(formula, table, REML = TRUE, control = control)
rows <- utils::read.csv(file.path(folder, "contrasts.csv"), check.names = FALSE)
names_in_order <- names(lme4::fixef(fit))
stopifnot(setequal(names(rows), names_in_order))
rows <- as.matrix(rows[, names_in_order, drop = FALSE])
found <- lapply(c("Kenward-Roger", "Satterthwaite"), function(ddf) {
  test <- lmerTest::contest(fit, rows, joint = FALSE, ddf = ddf)
  data.frame(
    df_method = tolower(ddf), estimate = test[["Estimate"]], se = test[["Std. Error"]],
    df = test[["df"]], statistic = test[["t value"]], p = test[["Pr(>|t|)"]]
  )
})
utils::write.csv(
  format(do.call(rbind, found), digits = 16, trim = TRUE),
  file.path(folder, "tests.csv"), row.names = FALSE, quote = FALSE
)
