//! `#[derive(Settings)]`: makes a table of the configuration describe and check itself.
//!
//! A field is a key, and its doc comment is the text of the reference. A value of 0 or an empty one
//! is refused unless the field is marked `#[setting(or_zero)]`. Fields that serde skips are not
//! settings.
//!
//! | attribute | meaning |
//! |---|---|
//! | `#[setting(or_zero)]` | 0 has a meaning |
//! | `#[setting(max = 1000)]` | more is refused |
//! | `#[setting(form = "name")]` | the type to show in the reference, where the Rust type says less |

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::{
    Attribute, Data, DeriveInput, Error, Expr, ExprLit, Field, Fields, Lit, LitInt, LitStr, Meta,
    Result, parse_macro_input,
};

/// Derives `utakata_model::settings::Setting` for a struct of settings.
#[proc_macro_derive(Settings, attributes(setting))]
pub fn derive(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    table(&input)
        .unwrap_or_else(Error::into_compile_error)
        .into()
}

/// A field that is a key.
struct Key {
    field: syn::Ident,
    name: String,
    kind: syn::Type,
    meaning: String,
    rules: Rules,
}

/// The rules that a field's attributes set.
#[derive(Default)]
struct Rules {
    or_zero: bool,
    max: Option<LitInt>,
    form: Option<LitStr>,
}

fn table(input: &DeriveInput) -> Result<Tokens> {
    let wrong = || Error::new_spanned(input, "settings are a struct with named fields");
    let Data::Struct(data) = &input.data else {
        return Err(wrong());
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(wrong());
    };
    let mut keys = Vec::new();
    for field in &fields.named {
        keys.extend(key(field)?);
    }
    let described = keys.iter().map(describe);
    let checked = keys.iter().map(check);
    let name = &input.ident;
    Ok(quote! {
        impl ::utakata_model::settings::Setting for #name {
            fn describe(about: ::utakata_model::settings::Key, keys: &mut ::std::vec::Vec<::utakata_model::settings::Key>) {
                #(#described)*
            }

            fn check(&self, key: &str) -> ::std::result::Result<(), ::utakata_model::settings::Wrong> {
                #(#checked)*
                ::std::result::Result::Ok(())
            }
        }
    })
}

fn key(field: &Field) -> Result<Option<Key>> {
    let Some(ident) = &field.ident else {
        return Ok(None);
    };
    if is_skipped(&field.attrs)? {
        return Ok(None);
    }
    Ok(Some(Key {
        field: ident.clone(),
        name: ident.to_string(),
        kind: field.ty.clone(),
        meaning: doc(&field.attrs),
        rules: rules(&field.attrs)?,
    }))
}

fn describe(key: &Key) -> Tokens {
    let Key {
        name,
        kind,
        meaning,
        rules,
        ..
    } = key;
    let form = match &rules.form {
        Some(form) => quote!(::std::option::Option::Some(#form)),
        None => quote!(::std::option::Option::None),
    };
    quote! {
        <#kind as ::utakata_model::settings::Setting>::describe(
            about.below(#name, #meaning, #form),
            keys,
        );
    }
}

fn check(key: &Key) -> Tokens {
    let Key {
        field, name, rules, ..
    } = key;
    let zero =
        (!rules.or_zero).then(|| quote!(::utakata_model::settings::not_zero(&self.#field, &key)?;));
    // A limit of its own takes the place of that of its type.
    let check = match &rules.max {
        Some(max) => quote!(::utakata_model::settings::at_most(&self.#field, #max, &key)?;),
        None => quote!(::utakata_model::settings::Setting::check(&self.#field, &key)?;),
    };
    quote! {{
        let key = ::utakata_model::settings::join(key, #name);
        #zero
        #check
    }}
}

/// Returns true for a field marked `#[serde(skip)]`.
fn is_skipped(attributes: &[Attribute]) -> Result<bool> {
    let mut is_skipped = false;
    for attribute in attributes.iter().filter(|one| one.path().is_ident("serde")) {
        attribute.parse_nested_meta(|meta| {
            is_skipped |= meta.path.is_ident("skip");
            if meta.input.peek(syn::Token![=]) {
                meta.value()?.parse::<Expr>()?;
            }
            Ok(())
        })?;
    }
    Ok(is_skipped)
}

fn rules(attributes: &[Attribute]) -> Result<Rules> {
    let mut rules = Rules::default();
    for attribute in attributes
        .iter()
        .filter(|one| one.path().is_ident("setting"))
    {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("or_zero") {
                rules.or_zero = true;
            } else if meta.path.is_ident("max") {
                rules.max = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("form") {
                rules.form = Some(meta.value()?.parse()?);
            } else {
                return Err(meta.error("there is or_zero, max and form"));
            }
            Ok(())
        })?;
    }
    Ok(rules)
}

/// Returns the doc comment as one line, without backquotes and the final full stop.
fn doc(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else {
            return None;
        };
        let Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) = &pair.value
        else {
            return None;
        };
        pair.path
            .is_ident("doc")
            .then(|| text.value().trim().replace('`', ""))
    });
    let text = lines.collect::<Vec<_>>().join(" ");
    text.trim().trim_end_matches('.').to_owned()
}
